import assert from "node:assert/strict";
import { test } from "node:test";

import {
  classIndex,
  countClasses,
  equalBreaks,
  quantileBreaks,
  rampIndex,
  roundestBetween,
} from "../../service/static/lib/classes.js";

/** Numbers from 0 to 1 that are the same every time. @param {number} seed */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

test("a rounded break lies above the lower and not above the upper value", () => {
  const random = numbers(3);
  for (let k = 0; k < 2000; k++) {
    const low = (random() - 0.3) * Math.pow(10, Math.floor(random() * 8) - 4);
    const high = low + random() * Math.pow(10, Math.floor(random() * 6) - 5) + 1e-9;
    const value = roundestBetween(low, high);
    assert.ok(low < value && value <= high, `${low} < ${value} <= ${high}`);
  }
});

test("a break has the fewest digits that there is room for", () => {
  assert.equal(roundestBetween(0.31, 0.48), 0.4);
  assert.equal(roundestBetween(96, 104), 100);
  assert.equal(roundestBetween(1234, 1236), 1235);
  assert.equal(roundestBetween(0.99, 3), 2);
});

test("quantile classes hold equally many values", () => {
  const values = Array.from({ length: 100 }, (_, k) => k + 1);
  const breaks = quantileBreaks(values, 5);
  assert.equal(breaks.length, 4);
  assert.deepEqual(countClasses(values, breaks), [20, 20, 20, 20, 20]);
});

test("equal values are never divided, and what is unknown is left out", () => {
  assert.deepEqual(quantileBreaks([2, 2, 2, 2], 5), []);
  assert.deepEqual(quantileBreaks([], 5), []);
  const breaks = quantileBreaks([null, 1, 1, 1, 1, 9, 9, NaN, Infinity], 5);
  assert.deepEqual(countClasses([1, 1, 1, 1, 9, 9], breaks), [4, 2]);
});

test("a break belongs to the class above it", () => {
  assert.deepEqual(
    [0.1, 0.2, 0.3, 0.6, 1].map((v) => classIndex(v, [0.2, 0.6])),
    [0, 1, 1, 2, 2],
  );
  assert.deepEqual(countClasses([0.1, null, 0.2], [0.2]), [1, 1]);
});

test("equal classes divide up to the largest value", () => {
  assert.deepEqual(equalBreaks(1, 5), [0.2, 0.4, 0.6, 0.8]);
  assert.deepEqual(equalBreaks(0, 5), []);
});

test("fewer classes keep the ends of the ramp", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((k) => rampIndex(k, 4)),
    [0, 1, 2, 3, 4],
  );
  assert.deepEqual(
    [0, 1, 2].map((k) => rampIndex(k, 2)),
    [0, 2, 4],
  );
  assert.equal(rampIndex(0, 0), 0);
});
