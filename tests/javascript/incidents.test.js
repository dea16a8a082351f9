import assert from "node:assert/strict";
import { test } from "node:test";

import { ancestors, descendants } from "../../service/static/lib/areas.js";
import {
  changeChoice,
  childrenOf,
  isChosen,
  isPartlyChosen,
  readChoice,
  writeChoice,
} from "../../service/static/lib/category_choice.js";
import { placeBehind } from "../../service/static/lib/geodesy.js";
import {
  denominators,
  heatMaximum,
  rateOf,
  sumByLevel,
} from "../../service/static/lib/incident_rates.js";

const CATEGORIES = ["theft", "theft/bicycle", "theft/shop", "theft/shop/food", "noise"].map(
  (path) => ({ path, count: 1 }),
);

/** @param {string} code @param {string} level @param {string | null} parent @returns {Area} */
const area = (code, level, parent) => ({
  code,
  name: code,
  level,
  parent,
  lat: 0,
  lon: 0,
  bbox: [0, 0, 0, 0],
});
const AREAS = [
  area("c1", "community", "s1"),
  area("c2", "community", "s1"),
  area("c3", "community", "s2"),
  area("s1", "subdistrict", "d"),
  area("s2", "subdistrict", "d"),
  area("d", "district", null),
];
const GRIDS = {
  codes: ["g1", "g2", "g3", "g4"],
  communities: ["c1", "c1", "c2", "c3"],
  values: [100, 20, null, 400],
  ground_m2: [1e6, 1e6, 5e5, 0],
};

test("a choice in an address is the same choice; an empty one too", () => {
  for (const chosen of [null, [], ["theft/shop", "noise"]]) {
    assert.deepEqual(readChoice(writeChoice(chosen)), chosen);
  }
});

test("a path that is chosen stands for all below it", () => {
  assert.ok(isChosen(["theft"], "theft/shop/food"));
  assert.ok(!isChosen(["theft"], "thefts"));
  assert.ok(isChosen(null, "noise"));
  assert.ok(isPartlyChosen(["theft/shop"], "theft"));
  assert.ok(!isPartlyChosen(["theft"], "theft"));
  assert.ok(!isPartlyChosen(null, "theft"));
});

test("children are those directly below", () => {
  assert.deepEqual(
    childrenOf(CATEGORIES, "").map((c) => c.path),
    ["theft", "noise"],
  );
  assert.deepEqual(
    childrenOf(CATEGORIES, "theft").map((c) => c.path),
    ["theft/bicycle", "theft/shop"],
  );
});

test("out of one that is ticked all others below it stay", () => {
  const without = changeChoice(CATEGORIES, null, "theft/shop/food", false);
  assert.deepEqual(without, ["noise", "theft/bicycle"]);
  assert.deepEqual(changeChoice(CATEGORIES, null, "noise", false), ["theft"]);
});

test("ticking all is no choice", () => {
  assert.equal(changeChoice(CATEGORIES, ["theft"], "noise", true), null);
  assert.deepEqual(changeChoice(CATEGORIES, ["theft/shop"], "theft", true), ["theft"]);
  assert.equal(changeChoice(CATEGORIES, ["noise", "theft/shop"], "theft", true), null);
});

test("areas have those above and below them", () => {
  assert.deepEqual(descendants(AREAS, "s1"), new Set(["s1", "c1", "c2"]));
  assert.deepEqual(descendants(AREAS, "d")?.size, 6);
  assert.equal(descendants(AREAS, ""), null);
  const byCode = new Map(AREAS.map((one) => [one.code, one]));
  assert.deepEqual(
    ancestors(byCode, "c3").map((one) => one.code),
    ["c3", "s2", "d"],
  );
  assert.deepEqual(ancestors(byCode, null), []);
});

test("counts of grids are summed to the areas of a level", () => {
  const counts = { g1: 3, g3: 4, g4: 5 };
  assert.deepEqual(sumByLevel(counts, GRIDS, AREAS, "grid"), counts);
  assert.deepEqual(sumByLevel(counts, GRIDS, AREAS, "community"), { c1: 3, c2: 4, c3: 5 });
  assert.deepEqual(sumByLevel(counts, GRIDS, AREAS, "subdistrict"), { s1: 7, s2: 5 });
});

test("rates are of the ground and the residents", () => {
  const of = denominators(GRIDS, AREAS);
  assert.deepEqual(of.get("s1"), { ground: 2.5e6, people: 120 });
  assert.equal(rateOf(5, of.get("s1"), "per_km2"), 2);
  assert.equal(rateOf(6, of.get("s1"), "per_1000_people"), 50);
  assert.equal(rateOf(6, of.get("g2"), "per_1000_people"), null); // too few residents
  assert.equal(rateOf(6, of.get("g4"), "per_km2"), null);
  assert.equal(rateOf(6, undefined, "count"), 6);
  assert.equal(rateOf(6, undefined, "per_km2"), null);
});

test("the heat map's scale grows with what it shows", () => {
  assert.equal(heatMaximum([]), 3);
  assert.equal(Math.round(heatMaximum([[31, 118, 100]])), 220);
  const spread = Array.from(
    { length: 200 },
    (_, k) => /** @type {[number, number, number]} */ ([31 + k / 100, 118, 1]),
  );
  assert.equal(heatMaximum(spread), 3);
});

test("a place behind another lies as far away, and its bearing leads back", () => {
  const target = { lat: 31.5, lng: 118 };
  const metres = (Math.PI / 180) * 6371008.8;
  for (const bearing of [0, 45, 90, 200, 359]) {
    const [lat, lng] = placeBehind(target, bearing, 80);
    const north = (target.lat - lat) * metres;
    const east = (target.lng - lng) * metres * Math.cos((target.lat * Math.PI) / 180);
    assert.ok(Math.abs(Math.hypot(north, east) - 80) < 1e-6);
    assert.ok(Math.abs((((Math.atan2(east, north) * 180) / Math.PI + 360) % 360) - bearing) < 1e-6);
  }
});
