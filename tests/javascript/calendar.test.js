import assert from "node:assert/strict";
import { test } from "node:test";

import {
  addSteps,
  floorStep,
  listSteps,
  parseMoment,
  stepKey,
  STEPS,
  stepText,
} from "../../service/static/lib/calendar.js";

test("a text of each length names the beginning of its step", () => {
  const expected = {
    "2026-03": "2026-03-01T00:00:00.000Z",
    "2026-03-05": "2026-03-05T00:00:00.000Z",
    "2026-03-05T14": "2026-03-05T14:00:00.000Z",
    "2026-03-05T14:59:59": "2026-03-05T14:00:00.000Z",
  };
  for (const [text, moment] of Object.entries(expected)) {
    assert.equal(parseMoment(text).toISOString(), moment);
  }
});

test("a step's text is read as the same step", () => {
  for (let day = 0; day < 800; day++) {
    const moment = new Date(Date.UTC(2023, 10, 1, (day * 7) % 24) + day * 86400e3);
    for (const step of STEPS) {
      const start = floorStep(moment, step);
      assert.equal(parseMoment(stepKey(start, step)).getTime(), start.getTime());
      assert.ok(start <= moment && moment < addSteps(start, step), `${step} ${moment}`);
      assert.equal(floorStep(start, step).getTime(), start.getTime());
    }
  }
});

test("weeks begin on Mondays", () => {
  assert.equal(stepKey(floorStep(parseMoment("2026-11-01"), "week"), "week"), "2026-10-26");
  assert.equal(stepKey(floorStep(parseMoment("2026-10-26T23"), "week"), "week"), "2026-10-26");
});

test("steps are added across months, years and leap days", () => {
  assert.equal(stepKey(addSteps(parseMoment("2026-12"), "month"), "month"), "2027-01");
  assert.equal(stepKey(addSteps(parseMoment("2026-01"), "month", -2), "month"), "2025-11");
  assert.equal(stepKey(addSteps(parseMoment("2028-02-28"), "day"), "day"), "2028-02-29");
  assert.equal(stepKey(addSteps(parseMoment("2026-03-01"), "hour", -1), "hour"), "2026-02-28T23");
  assert.equal(stepKey(addSteps(parseMoment("2026-10-26"), "week", 2), "week"), "2026-11-09");
});

test("all steps between two moments are listed", () => {
  const [first, last] = [parseMoment("2025-11"), parseMoment("2026-02")];
  assert.deepEqual(listSteps(first, last, "month"), ["2025-11", "2025-12", "2026-01", "2026-02"]);
  assert.equal(listSteps(first, last, "day").length, 93);
  assert.deepEqual(listSteps(last, first, "day"), []);
});

test("a step in words is of the calendar, whatever the zone of the computer", () => {
  assert.equal(stepText("2026-03", "month", "en"), "Mar 2026");
  assert.equal(stepText("2026-03", "month", "zh"), "2026年3月");
  assert.match(stepText("2026-03-05T14", "hour", "en"), /5 Mar.*14:00/);
});
