/* Classes of values for colouring: where they are divided, and which a value belongs to. */

/**
 * Return the value with the fewest digits that is above one number and at most another.
 *
 * @param {number} low
 * @param {number} high
 */
export function roundestBetween(low, high) {
  const middle = (low + high) / 2;
  const largest = Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high)))) + 1;
  for (let power = largest; power > -12; power--) {
    for (const factor of [5, 2, 1]) {
      const step = factor * Math.pow(10, power);
      const rounded = Number((Math.round(middle / step) * step).toPrecision(12));
      if (low < rounded && rounded <= high) return rounded;
    }
  }
  return high;
}

/**
 * Return breaks for classes of equally many values, at the roundest number between two values.
 *
 * @param {readonly (number | null)[]} values
 * @param {number} count of classes
 */
export function quantileBreaks(values, count) {
  const known = /** @type {number[]} */ (values.filter((v) => v != null && isFinite(v)));
  known.sort((a, b) => a - b);
  const breaks = [];
  for (let k = 1; k < count; k++) {
    const first = known.indexOf(known[Math.floor((k * known.length) / count)]);
    if (first > 0) breaks.push(roundestBetween(known[first - 1], known[first]));
  }
  return [...new Set(breaks)].sort((a, b) => a - b);
}

/**
 * Return breaks for classes of equal width, from 0 to a largest value.
 *
 * @param {number} largest
 * @param {number} count of classes
 */
export function equalBreaks(largest, count) {
  if (largest <= 0) return [];
  return Array.from({ length: count - 1 }, (_, k) => (largest * (k + 1)) / count);
}

/**
 * Return the number of the class that a value belongs to, from 0.
 *
 * @param {number} value
 * @param {readonly number[]} breaks
 */
export function classIndex(value, breaks) {
  let k = 0;
  while (k < breaks.length && value >= breaks[k]) k++;
  return k;
}

/**
 * Return how many values each class has; those that are not known are left out.
 *
 * @param {readonly (number | null)[]} values
 * @param {readonly number[]} breaks
 */
export function countClasses(values, breaks) {
  const counts = Array(breaks.length + 1).fill(0);
  for (const value of values) if (value != null) counts[classIndex(value, breaks)]++;
  return counts;
}

/**
 * Return the position of a class in a colour ramp of five; fewer classes keep the ends of the ramp.
 *
 * @param {number} index
 * @param {number} breaks how many there are
 */
export function rampIndex(index, breaks) {
  return Math.round((index * 4) / Math.max(1, breaks));
}
