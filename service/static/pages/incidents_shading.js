/* The colours of grids and areas, their legend, and the list of the highest. */

import { classIndex, countClasses, quantileBreaks } from "../lib/classes.js";
import { CLASS_COLOURS, NO_DATA, RAMPS } from "../lib/colours.js";
import { button, el } from "../lib/dom.js";
import { rateOf } from "../lib/incident_rates.js";
import { classLegend, swatch } from "../map/legend.js";
import { boundsOf } from "../map/view.js";

const CLASSES = 5;
const RANKED = 12; // rows of the list

/** @param {IncidentView} view @param {string} code */
function shownRate({ sums, denominators, controls }, code) {
  return rateOf(sums[code] || 0, denominators.get(code), controls.measure.value);
}

/** @param {IncidentView} view */
function shownCodes({ areas, population, controls }) {
  const level = controls.level.value;
  if (level === "grid") return population.codes;
  return areas.filter((area) => area.level === level).map((area) => area.code);
}

/**
 * Colour the map, and show the legend.
 *
 * @param {IncidentView} view
 */
export function paint(view) {
  if (view.controls.show.value === "density") paintRates(view);
  else paintClasses(view);
  view.layers?.byGrid.restyle();
  view.layers?.byArea.restyle();
}

/** @param {IncidentView} view */
function paintRates(view) {
  const { context, controls, parts, layers } = view;
  const { t, map, formats } = context;
  const rates = shownCodes(view).map((code) => shownRate(view, code));
  const breaks = quantileBreaks(
    rates.filter((rate) => rate != null && rate > 0),
    CLASSES,
  );
  view.colourOf = (code) => {
    const rate = shownRate(view, code);
    if (rate == null) return NO_DATA;
    return rate > 0 ? RAMPS.density[classIndex(rate, breaks)] : null;
  };
  const counts = countClasses(rates, breaks);
  const classes = { breaks, colours: RAMPS.density, format: formats.decimal, counts };
  parts.legend.replaceChildren(
    el("h2", {}, `${t.density} (${t[controls.measure.value]})`),
    breaks.length ? classLegend(classes, formats.integer) : el("p", {}, t.no_data),
  );
  if (layers && map.hasLayer(layers.heatGroup)) parts.legend.append(heatLegend(t));
}

/** @param {Texts} t */
function heatLegend(t) {
  const ends = [t.low, t.heat, t.high].map((text) => el("span", {}, text));
  return el("div", {}, el("div", { class: "ramp" }), el("div", { class: "ends" }, ...ends));
}

/** @param {IncidentView} view */
function paintClasses(view) {
  const { context, controls, parts } = view;
  const { t, formats } = context;
  const show = controls.show.value;
  const colours = CLASS_COLOURS[show];
  const grids = view.classes?.grids || {};
  view.colourOf = (code) => {
    const name = grids[code]?.class;
    return name && name !== "none" ? colours[name] || null : null;
  };
  /** @type {Record<string, number>} */
  const counts = {};
  for (const { class: name } of Object.values(grids)) counts[name] = (counts[name] || 0) + 1;
  const lines = Object.entries(colours)
    .filter(([name]) => name !== "none" && (counts[name] || show !== "emerging"))
    .map(([name, colour]) => {
      const count = formats.integer.format(counts[name] || 0);
      return swatch(colour, t[`class_of_${name}`], count);
    });
  parts.legend.replaceChildren(
    el("h2", {}, t[`show_${show}`]),
    el("ul", { class: "legend" }, ...lines),
    el("p", { class: "hint" }, t[`hint_${show}`]),
  );
}

/**
 * Show the ranking.
 *
 * @param {IncidentView} view
 */
export async function showRanking(view) {
  const { context, controls, parts, request } = view;
  const { t, client, language } = context;
  const rows = rankedRows(view).slice(0, RANKED);
  const codes = rows.map(([code]) => code);
  /** @type {Record<string, [string, string | null]>} */
  const names = codes.length ? await client.get("areas/names", { code: codes }) : {};
  if (request !== view.request) return;
  parts.listTitle.textContent = controls.show.value === "density" ? t.top_areas : t.top_grids;
  const lines = rows.map(([code, text], k) => {
    const [name, english] = names[code] || [code, null];
    return el(
      "li",
      {},
      button(
        { onclick: () => flyTo(view, code) },
        el("span", { class: "rank" }, String(k + 1)),
        el("span", {}, (language !== "zh" && english) || name),
        el("span", { class: "amount" }, text),
      ),
    );
  });
  if (!lines.length) lines.push(el("li", { class: "none" }, t.nothing_here));
  parts.list.replaceChildren(...lines);
}

/**
 * @param {IncidentView} view
 * @returns {[string, string][]} codes and what is said of them, the highest first
 */
function rankedRows(view) {
  const { context, controls, counts, classes } = view;
  const { t, formats } = context;
  const show = controls.show.value;
  if (show === "density") {
    const codes = controls.level.value === "grid" ? Object.keys(counts) : shownCodes(view);
    return codes
      .map((code) => /** @type {[string, number]} */ ([code, shownRate(view, code) || 0]))
      .filter(([, rate]) => rate > 0)
      .sort((a, b) => b[1] - a[1])
      .map(([code, rate]) => [code, formats.decimal.format(rate)]);
  }
  const entries = Object.entries(classes?.grids || {});
  if (show === "change") {
    return entries
      .filter(([, grid]) => grid.class !== "none")
      .sort(([, a], [, b]) => Number(a.q_value) - Number(b.q_value))
      .map(([code, { previous, current }]) => {
        const texts = [previous, current].map((count) => formats.integer.format(Number(count)));
        return [code, texts.join(" → ")];
      });
  }
  const order = Object.keys(CLASS_COLOURS[show]);
  return entries
    .sort(
      ([, a], [, b]) =>
        order.indexOf(a.class) - order.indexOf(b.class) || (b.gi_star || 0) - (a.gi_star || 0),
    )
    .map(([code, grid]) => [code, t[`class_of_${grid.class}`]]);
}

/** @param {IncidentView} view @param {string} code of an area or a grid */
async function flyTo({ context, areas }, code) {
  const { client, map } = context;
  const area = areas.find((one) => one.code === code);
  const { bbox } = area || (await client.get(`grids/${encodeURIComponent(code)}/card`));
  map.flyToBounds(boundsOf(bbox), { maxZoom: 17, padding: [40, 40], duration: 0.6 });
}
