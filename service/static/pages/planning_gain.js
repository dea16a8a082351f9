/* What a plan would see: on the map, and as figures. */

import { el } from "../lib/dom.js";

const GRIDS = 5; // of the table

/**
 * Show what each camera sees.
 *
 * @param {Plan} plan
 * @param {readonly PlannedView[]} views
 */
export function showViews(plan, views) {
  const { layers, parts, context } = plan;
  const features = views.map(({ geometry }) => ({ type: "Feature", properties: {}, geometry }));
  layers.views.clearLayers();
  layers.views.addData(/** @type {any} */ ({ type: "FeatureCollection", features }));
  const { integer } = context.formats;
  plan.areaTexts = views.map((view) => `${integer.format(view.area_m2)} m²`);
  parts.list.querySelectorAll(".amount").forEach((element, k) => {
    element.textContent = plan.areaTexts[k] || "";
  });
}

/**
 * Show nothing: the plan has no cameras.
 *
 * @param {Plan} plan
 */
export function showNothing({ layers, parts }) {
  layers.views.clearLayers();
  layers.gained.clearLayers();
  parts.gain.replaceChildren();
  parts.note.textContent = "";
}

/**
 * Show what a plan gains.
 *
 * @param {Plan} plan
 * @param {PlanGain} gain
 */
export function showGain(plan, gain) {
  const { layers, parts, context } = plan;
  const { t, formats } = context;
  const { integer, decimal } = formats;
  showViews(plan, gain.views);
  layers.gained.clearLayers();
  if (gain.added.coordinates.length) layers.gained.addData(asFeature(gain.added));
  const most = [...gain.grids].sort((a, b) => b.gained_m2 - a.gained_m2).slice(0, GRIDS);
  const table = el("table", { class: "plan-grids" }, ...most.map((grid) => gridRow(context, grid)));
  parts.gain.replaceChildren(
    el(
      "div",
      { class: "figures" },
      el("strong", { id: "plan-gain" }, `+${integer.format(gain.gained_m2)} m²`),
      el("span", {}, t.plan_gained),
      el("strong", { id: "plan-risk" }, decimal.format(gain.risk)),
      el("span", {}, t.plan_risk),
      el("strong", {}, integer.format(gain.incidents)),
      el("span", {}, t.plan_incidents),
    ),
    table,
  );
  const codes = most.map((grid) => grid.grid);
  showNames(context, table, codes);
}

/** @param {any} geometry @returns {any} */
function asFeature(geometry) {
  return { type: "Feature", properties: {}, geometry };
}

/** @param {MapContext} context @param {GainedGrid} grid */
function gridRow({ formats }, { grid, share_before: before, share_after: after }) {
  const [old, present] = [before, after].map((share) =>
    share == null ? "–" : formats.percent.format(share),
  );
  return el("tr", {}, el("th", { scope: "row" }, grid), el("td", {}, `${old} → ${present}`));
}

/** @type {Map<string, string>} names of grids by code */
const gridNames = new Map();

/** @param {MapContext} context @param {HTMLElement} table @param {readonly string[]} codes */
async function showNames({ client, language }, table, codes) {
  const missing = codes.filter((code) => !gridNames.has(code));
  if (missing.length) {
    /** @type {Record<string, [string, string | null]>} */
    const names = await client.get("areas/names", { code: missing }).catch(() => ({}));
    for (const [code, [name, english]] of Object.entries(names)) {
      gridNames.set(code, (language !== "zh" && english) || name);
    }
  }
  table.querySelectorAll("th").forEach((cell, k) => {
    cell.textContent = gridNames.get(codes[k]) || codes[k];
  });
}
