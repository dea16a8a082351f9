/* The choices of the incidents page, and the parts of its panel. */

import { STEPS } from "../lib/calendar.js";
import { button, el } from "../lib/dom.js";
import { createChoice } from "../map/choice.js";
import { createDownloads } from "../map/downloads.js";
import { createSearchBox } from "../map/search_box.js";

/**
 * Return the choices.
 *
 * @param {MapContext} context
 * @param {{onStep: () => void, onChange: () => void, onMeasure: () => void}} actions
 * @returns {IncidentControls}
 */
export function createControls({ t, urlState }, { onStep, onChange, onMeasure }) {
  /**
   * @param {string} key
   * @param {string} label
   * @param {readonly string[]} names
   * @param {string} prefix
   * @param {() => void} action
   */
  const choice = (key, label, names, prefix, action) => {
    const options = names.map((name) => /** @type {[string, string]} */ ([name, t[prefix + name]]));
    return createChoice(urlState, key, label, options, action);
  };
  const shows = ["density", "hot_spot", "emerging", "change"];
  const levels = ["grid", "community", "subdistrict"];
  const measures = ["per_km2", "count", "per_1000_people"];
  return {
    step: choice("step", t.step, STEPS, "step_", onStep),
    span: createChoice(urlState, "span", t.span, [["1", "1"]], onChange),
    show: choice("show", t.show, shows, "show_", onChange),
    level: choice("level", t.by_what, levels, "level_", onChange),
    measure: choice("measure", t.measure, measures, "", onMeasure),
    baseline: choice(
      "baseline",
      t.baseline,
      ["previous_period", "year_before"],
      "baseline_",
      onChange,
    ),
  };
}

/**
 * Return the parts of the panel that change.
 *
 * @param {Texts} t
 * @returns {IncidentParts}
 */
export function createParts(t) {
  return {
    figures: el("div", { class: "figures" }),
    periodText: el("div", { class: "period", "aria-live": "polite" }),
    slider: el("input", { type: "range", min: 0, step: 1, "aria-label": t.period }),
    play: button({ class: "play" }, `▶ ${t.play}`),
    shift: el("div", { class: "row shift" }),
    tree: el("details", { class: "tree" }),
    legend: el("div", { class: "key" }),
    list: el("ol", { class: "ranked" }),
    listTitle: el("h2", {}, t.top_areas),
    trend: el("div", { class: "block trend" }),
    byCategory: el("div", { class: "block lines-by" }),
    hours: el("div", { class: "block hours" }),
  };
}

/**
 * Put the parts into the panel.
 *
 * @param {IncidentView} view
 * @param {() => Query} query of the downloads
 */
export function fillPanel({ context, controls, parts, area }, query) {
  const { t, content, isVideoWall, isSaved, language } = context;
  const isInteractive = !isVideoWall && !isSaved;
  const { step, span, show, level, measure, baseline } = controls;
  const search = createSearchBox(context, (hit) => {
    if (!["grid", "camera", "key_place"].includes(hit.kind)) area.choose(hit.code);
  });
  const head = el(
    "div",
    { class: "block head" },
    parts.figures,
    el("div", { class: "row" }, parts.play, parts.periodText, parts.shift),
    parts.slider,
    parts.trend,
  );
  const filter = el(
    "div",
    { class: "block filter" },
    isInteractive ? search : null,
    area.element,
    ...[step, span, show, level, measure, baseline].map((choice) => choice.row),
    parts.tree,
  );
  if (isInteractive) {
    const link = { class: "video-wall-link", href: `/video-wall?lang=${language}` };
    filter.append(
      el("p", { class: "row" }, el("a", link, t.video_wall_open)),
      createDownloads(context, [["incidents", t.incidents]], query),
    );
  }
  const legend = el("div", { class: "block" }, parts.legend);
  const ranking = el("div", { class: "block" }, parts.listTitle, parts.list);
  content.append(head, filter, legend, ranking, parts.hours, parts.byCategory);
}
