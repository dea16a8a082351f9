/* Counts of grids summed to areas, and rates of both. */

import { ancestors } from "./areas.js";

const LEAST_PEOPLE = 50; // a handful of residents makes any rate huge and means nothing

/**
 * Return the counts of the areas of a level, summed from those of the grids.
 *
 * @param {Readonly<Record<string, number>>} counts by grid
 * @param {Pick<GridValues, "codes" | "communities">} grids
 * @param {readonly Area[]} areas
 * @param {string} level "grid" for the counts as they are
 */
export function sumByLevel(counts, grids, areas, level) {
  if (level === "grid") return { ...counts };
  const byCode = new Map(areas.map((area) => [area.code, area]));
  /** @type {Record<string, number>} */
  const sums = {};
  grids.codes.forEach((code, k) => {
    if (!counts[code]) return;
    for (const area of ancestors(byCode, grids.communities[k])) {
      if (area.level === level) sums[area.code] = (sums[area.code] || 0) + counts[code];
    }
  });
  return sums;
}

/**
 * Return the ground and the residents of every grid and area.
 *
 * @param {GridValues} population values are residents
 * @param {readonly Area[]} areas
 */
export function denominators(population, areas) {
  const byCode = new Map(areas.map((area) => [area.code, area]));
  /** @type {Map<string, Denominator>} */
  const sums = new Map();
  population.codes.forEach((code, k) => {
    const grid = { ground: population.ground_m2[k] || 0, people: population.values[k] || 0 };
    sums.set(code, grid);
    for (const area of ancestors(byCode, population.communities[k])) {
      const sum = sums.get(area.code) || { ground: 0, people: 0 };
      sums.set(area.code, {
        ground: sum.ground + grid.ground,
        people: sum.people + grid.people,
      });
    }
  });
  return sums;
}

/**
 * Return a rate, null if it is not meaningful.
 *
 * @param {number} count
 * @param {Denominator | undefined} denominator
 * @param {string} measure "count", "per_km2" or "per_1000_people"
 */
export function rateOf(count, denominator, measure) {
  if (measure === "count") return count;
  if (!denominator) return null;
  const { ground, people } = denominator;
  if (measure === "per_km2") return ground ? (count / ground) * 1e6 : null;
  return people >= LEAST_PEOPLE ? (count / people) * 1000 : null;
}

/**
 * Return the value at which the heat map reaches its last colour. It grows with the counts, so that
 * a month and three years both show their centres.
 *
 * @param {readonly (readonly [number, number, number])[]} points latitude, longitude and count
 */
export function heatMaximum(points) {
  /** @type {Map<string, number>} */
  const cells = new Map();
  let most = 1;
  for (const [lat, lon, count] of points) {
    const cell = `${Math.round(lat * 1200)},${Math.round(lon * 1000)}`;
    cells.set(cell, (cells.get(cell) || 0) + count);
    most = Math.max(most, count);
  }
  const ordered = [...cells.values()].sort((a, b) => a - b);
  const high = ordered[Math.floor(ordered.length * 0.99)] || 1;
  return Math.max(3, most * 0.5, high * 2.2);
}
