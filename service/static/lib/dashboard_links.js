/* Figures of the dashboard: what they are called, and the pages that show them. */

/**
 * @type {readonly FigureCard[]} figures that have a card, with the issue that counts what is
 *   missing to the target
 */
export const CARDS = [
  { figure: "networked", layer: "cameras", aspect: "target", issue: "not_networked" },
  { figure: "working", layer: "cameras", aspect: "target", issue: "not_in_working_order" },
  { figure: "key_places", layer: "key-places", aspect: "target", issue: "coverage_below_target" },
  { figure: "key_places_seen" },
  { figure: "open_covered" },
  { figure: "service_requests_in_time" },
  { figure: "service_requests_satisfaction" },
  { figure: "headed", layer: "grids", aspect: "complete", issue: "head_missing" },
];

/**
 * Return the name of a figure.
 *
 * @param {Texts} t
 * @param {string} figure
 */
export function figureText(t, figure) {
  return t[`fig_${figure.replace("/", "_")}`] || figure;
}

/**
 * Return the value of a figure that areas are ranked by: a share, or incidents for each square
 * kilometre.
 *
 * @param {Figures} figures
 * @param {string} name
 */
export function figureValue(figures, name) {
  if (name === "incidents_per_km2") {
    const { incidents, area_m2: area } = figures;
    return incidents && area && area.numerator > 0
      ? (incidents.numerator / area.numerator) * 1e6
      : null;
  }
  return figures[name] ? figures[name].share : null;
}

/**
 * Return the address of the issues that match a filter.
 *
 * @param {string} language
 * @param {Record<string, string | undefined>} filter
 * @param {string | null} area
 */
export function issuesLink(language, filter, area) {
  const parts = new URLSearchParams({ lang: language });
  for (const [key, value] of Object.entries(filter)) parts.set(key, String(value));
  if (area) parts.set("area", area);
  return `/maps/data-quality?${parts}`;
}

/**
 * Return the address of the map that shows a figure, null if there is none.
 *
 * @param {string} language
 * @param {string} figure
 * @param {string | null} area code of an area or of a grid
 * @param {boolean} [isGrid]
 */
export function figureMapLink(language, figure, area, isGrid = false) {
  const lang = new URLSearchParams({ lang: language });
  /** @param {string} key */
  const hash = (key) => (area ? `#${key}=${encodeURIComponent(area)}` : "");
  if (["open_covered", "key_places_seen"].includes(figure)) {
    return `/maps/coverage?${lang}${hash(isGrid ? "grid" : "area")}`;
  }
  if (figure.startsWith("service_requests") || figure === "incidents_per_km2") {
    return `/maps/incidents?${lang}${hash("area")}`;
  }
  if (figure.startsWith("quality/")) {
    return issuesLink(language, { layer: figure.split("/")[1] }, area);
  }
  const card = CARDS.find((one) => one.figure === figure);
  if (!card || !card.layer) return null;
  const { layer, aspect, issue } = card;
  return issuesLink(language, { layer, aspect, issue }, area);
}

/**
 * Return the areas that have a value, sorted and ranked from the best; equal values share a rank.
 *
 * @template {{value: number | null}} T
 * @param {readonly T[]} rows
 * @param {boolean} lowIsBest
 * @returns {(T & {value: number, rank: number})[]}
 */
export function rankRows(rows, lowIsBest) {
  const sign = lowIsBest ? 1 : -1;
  const known = /** @type {(T & {value: number})[]} */ (rows.filter((row) => row.value != null));
  known.sort((a, b) => sign * (a.value - b.value));
  return known.map((row) => ({
    ...row,
    rank: known.filter((other) => sign * (other.value - row.value) < 0).length + 1,
  }));
}

/**
 * Return the Lorenz curve of values, from the smallest: null for fewer than two, or for none above
 * 0.
 *
 * @param {readonly (number | null)[]} values
 */
export function lorenzCurve(values) {
  const known = /** @type {number[]} */ (values.filter((value) => value != null && value >= 0));
  known.sort((a, b) => a - b);
  const sum = known.reduce((a, b) => a + b, 0);
  if (known.length < 2 || !sum) return null;
  const areas = [0, ...known.map((_, k) => (k + 1) / known.length)];
  let part = 0;
  const shares = known.map((value) => {
    part += value;
    return part / sum;
  });
  return { areas, shares: [0, ...shares] };
}
