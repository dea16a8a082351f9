/* The figures of the grids: their classes and colours, the legend, the sums above it. */

import { descendants } from "../lib/areas.js";
import { countClasses, classIndex, equalBreaks, rampIndex } from "../lib/classes.js";
import { BLIND_SPOT, CAMERA_COLOURS, NO_DATA, RAMPS, VIEW } from "../lib/colours.js";
import { countUp, el } from "../lib/dom.js";
import { classLegend, swatch } from "../map/legend.js";

const STATUSES = ["working", "faulty", "offline", "unknown"];

/** @param {CoverageView} view */
export const isRisk = ({ controls }) => controls.measure.value === "risk";

/** @param {CoverageView} view @param {string} code of a grid */
export const isShown = ({ inside }, code) => !inside || inside.has(code);

/**
 * Return the format of the measure.
 *
 * @param {CoverageView} view
 */
export function measureFormat(view) {
  const { decimal, percent } = view.context.formats;
  return isRisk(view) ? decimal : percent;
}

/**
 * Return the colour of a grid's figure.
 *
 * @param {CoverageView} view
 * @param {number | null | undefined} value
 */
export function valueColour(view, value) {
  if (value == null) return NO_DATA;
  return classColour(view, classIndex(value, view.breaks));
}

/** @param {CoverageView} view @param {number} index */
function classColour(view, index) {
  const ramp = isRisk(view) ? RAMPS.density : RAMPS.share;
  return ramp[rampIndex(index, view.breaks.length)];
}

/**
 * Set new figures and show them.
 *
 * @param {CoverageView} view
 * @param {GridValues} values
 */
export function applyValues(view, values) {
  view.values = values;
  view.valueOf = new Map(values.codes.map((code, k) => [code, values.values[k]]));
  limitToArea(view, view.context.urlState.get("area"));
  paint(view);
}

/**
 * Limit the figures to an area; no code for all.
 *
 * @param {CoverageView} view
 * @param {string | null} area
 */
export function limitToArea(view, area) {
  const { codes, communities } = view.values;
  const inArea = descendants(view.areas, area);
  view.inside = inArea && new Set(codes.filter((_, k) => inArea.has(communities[k])));
}

/**
 * Return the class breaks. They are those of all grids, so that an area has the same colours alone
 * and among others.
 *
 * @param {CoverageView} view
 */
function classBreaks(view) {
  const { classes, number } = view.controls;
  const { values, breaks } = view.values;
  if (classes.value !== "equal") return breaks?.[classes.value]?.[number.value] || [];
  // Equal classes divide the range from 0 to 1 for shares, to the largest value otherwise.
  const largest = isRisk(view) ? Math.max(0, ...values.map((value) => value ?? 0)) : 1;
  return equalBreaks(largest, Number(number.value));
}

/**
 * Show the figures: legend, sums, colours.
 *
 * @param {CoverageView} view
 */
export function paint(view) {
  const { parts, controls, context, values } = view;
  view.breaks = classBreaks(view);
  const shown = values.values.filter((v, k) => v != null && isShown(view, values.codes[k]));
  const missing = values.values.filter((value) => value == null).length;
  const legend = classLegend(
    {
      breaks: view.breaks,
      colours: [...view.breaks, null].map((_, k) => classColour(view, k)),
      format: measureFormat(view),
      counts: countClasses(shown, view.breaks),
      only: shown.length ? shown[0] : null,
    },
    context.formats.integer,
  );
  parts.key.replaceChildren(
    el("h2", {}, controls.measure.text),
    legend,
    layerLegend(view, missing),
  );
  showSummary(view);
  view.layers?.shade.restyle();
  view.second?.restyle();
  countUp("painted");
  document.body.dataset.shown = String(shown.length);
}

/** @param {CoverageView} view @param {number} missing grids without a figure */
function layerLegend({ context }, missing) {
  const { t, config, formats } = context;
  const lines = [];
  if (missing) lines.push(swatch(NO_DATA, t.no_data, formats.integer.format(missing)));
  if (config.views) lines.push(swatch(`${VIEW}99`, t.views));
  lines.push(swatch(`${BLIND_SPOT}55`, t.blind_spots));
  for (const status of STATUSES) {
    const text = `${t.cameras}: ${t[`status_${status}`]}`;
    lines.push(swatch(CAMERA_COLOURS[status], text, null, "round"));
  }
  return el("ul", { class: "legend" }, ...lines);
}

/** @param {CoverageView} view */
function sumShown(view) {
  const { values } = view;
  const sum = { ground: 0, covered: 0, total: 0 };
  values.values.forEach((value, k) => {
    if (value == null || !isShown(view, values.codes[k])) return;
    const ground = values.ground_m2[k] || 0;
    sum.ground += ground;
    sum.covered += value * ground;
    sum.total += value;
  });
  return sum;
}

/**
 * Show the sums of the grids that are shown.
 *
 * @param {CoverageView} view
 */
export function showSummary(view) {
  const { t, formats } = view.context;
  const { figures } = view.parts;
  const { ground, covered, total } = sumShown(view);
  figures.replaceChildren();
  if (isRisk(view)) addFigure(figures, formats.decimal.format(total), t.risk_whole);
  else {
    /** @type {Record<string, string>} */
    const names = {
      open_covered_share: t.open_covered,
      covered_share: t.covered,
      twice_covered_share: t.seen_twice,
    };
    const share = ground ? formats.percent.format(covered / ground) : "–";
    const unseen = ground ? `${formats.decimal.format((ground - covered) / 1e6)} km²` : "–";
    addFigure(figures, share, names[view.controls.measure.value]);
    addFigure(figures, unseen, t.not_seen);
  }
  const { used } = view;
  if (view.inside || !used) return;
  addFigure(figures, formats.integer.format(used.cameras), t.cameras_used);
  const warning = used.assumed_share > 0 ? "warn" : null;
  addFigure(figures, formats.percent.format(used.assumed_share), t.assumed_share, warning);
}

/**
 * @param {HTMLElement} figures
 * @param {string} value
 * @param {string} text
 * @param {string | null} [kind]
 */
function addFigure(figures, value, text, kind = null) {
  figures.append(el("strong", { class: kind }, value), el("span", {}, text));
}
