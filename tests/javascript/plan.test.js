import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bearingBetween,
  decodePlan,
  encodePlan,
  MAX_CAMERAS,
  planCsv,
  planGeoJson,
} from "../../service/static/lib/plan.js";

/** @type {PlannedCamera[]} */
const CAMERAS = [
  { lon: 118.123456, lat: 31.5, kind: "ptz" },
  { lon: -0.5, lat: -33, kind: "fixed", bearing_deg: 0, fov_deg: 60, range_m: 35, height_m: 4.5 },
  { lon: 0, lat: 0, kind: "dome", range_m: 50 },
];

test("a plan in an address is the same plan", () => {
  assert.deepEqual(decodePlan(encodePlan(CAMERAS)), CAMERAS);
  assert.equal(encodePlan([CAMERAS[2]]), "0.000000,0.000000,dome,,,50,");
  assert.deepEqual(decodePlan(encodePlan([])), []);
  assert.deepEqual(decodePlan(null), []);
});

test("cameras that cannot be read are left out", () => {
  for (const text of [
    "118,31,webcam",
    ",31,ptz",
    "118,,ptz",
    "east,31,ptz",
    "118,Infinity,ptz",
    "118,31",
    ";;",
  ]) {
    assert.deepEqual(decodePlan(text), [], text);
  }
  assert.equal(decodePlan("x,y,z;118,31,ptz").length, 1);
});

test("values out of range are left to what is usual", () => {
  assert.deepEqual(decodePlan("118,31,fixed,361,0,2001,-1"), [
    { lon: 118, lat: 31, kind: "fixed" },
  ]);
  assert.deepEqual(decodePlan("118,31,fixed,360,1,2000,500")[0], {
    lon: 118,
    lat: 31,
    kind: "fixed",
    bearing_deg: 360,
    fov_deg: 1,
    range_m: 2000,
    height_m: 500,
  });
});

test("an address holds so many cameras", () => {
  const text = Array(MAX_CAMERAS + 5)
    .fill("118,31,ptz")
    .join(";");
  assert.equal(decodePlan(text).length, MAX_CAMERAS);
});

test("bearings are whole degrees clockwise from north", () => {
  const from = { lat: 60, lng: 10 };
  /** @param {number} north @param {number} east degrees of the meridian @returns {number} */
  const bearing = (north, east) => bearingBetween(from, { lat: 60 + north, lng: 10 + east * 2 });
  assert.equal(bearing(0.001, 0), 0);
  assert.equal(bearing(0.001, 0.001), 45);
  assert.equal(bearing(0, 0.001), 90);
  assert.equal(bearing(-0.001, 0), 180);
  assert.equal(bearing(0, -0.001), 270);
  assert.equal(bearing(0.001, -0.000001), 0);
});

test("a plan is a table for spreadsheets", () => {
  const [head, first, second, , end] = planCsv(CAMERAS).split("\r\n");
  assert.equal(head, "\ufeffnumber,kind,lon,lat,bearing_deg,fov_deg,range_m,height_m");
  assert.equal(first, "1,ptz,118.123456,31.5,,,,");
  assert.equal(second, "2,fixed,-0.5,-33,0,60,35,4.5");
  assert.equal(end, "");
});

test("a plan is GeoJSON", () => {
  const { type, features } = JSON.parse(planGeoJson(CAMERAS));
  assert.equal(type, "FeatureCollection");
  assert.deepEqual(features[1].geometry, { type: "Point", coordinates: [-0.5, -33] });
  assert.equal(features[1].properties.height_m, 4.5);
  assert.equal(features[0].properties.bearing_deg, null);
});
