/* The planner's page: grids by what is seen of them, views, blind spots, cards, two dates side by
   side. */

import { listen } from "../lib/api.js";
import { button, el } from "../lib/dom.js";
import { createAreaFilter } from "../map/area_filter.js";
import { createDownloads } from "../map/downloads.js";
import { fail } from "../map/failure.js";
import { showPulse } from "../map/pulse.js";
import { createSearchBox } from "../map/search_box.js";
import { listBlindSpots } from "./coverage_blind_spots.js";
import { openCamera, openGrid } from "./coverage_cards.js";
import { compareBox } from "./coverage_compare.js";
import { createControls, requestValues } from "./coverage_controls.js";
import { applyValues, limitToArea, paint, showSummary } from "./coverage_figures.js";
import { addLayers, watchLayers } from "./coverage_layers.js";
import { planningBox } from "./planning.js";

/**
 * Show the page.
 *
 * @param {MapContext} context
 * @returns {PageSummary}
 */
export function showCoverage(context) {
  const { t, config } = context;
  const controls = createControls(context, {
    onMeasure: () => refresh(view),
    onClasses: () => paint(view),
    onOrder: () => listBlindSpots(view, 0),
  });
  // The figures are requested before the tiles that they colour.
  const firstValues = requestValues(context, controls);
  /** @type {CoverageView} */
  const view = {
    context,
    controls,
    parts: createParts(t),
    layers: null,
    values: { codes: [], communities: [], values: [], ground_m2: [] },
    valueOf: new Map(),
    breaks: [],
    areas: [],
    inside: null,
    used: null,
    statuses: new Map(),
    second: null,
  };
  const area = createAreaFilter(context, (code) => {
    limitToArea(view, code);
    paint(view);
    listBlindSpots(view, 0);
  });
  fillPanel(view, area);
  view.layers = addLayers(view);
  const standing = context.layers.lead(view.layers.shade);
  watchLayers(view, view.layers);
  open(view, firstValues, standing).catch((error) => fail(t, error));
  return {
    describe: () => describe(view, area),
    tileSets: ["grids", "blind-spots", "cameras", ...(config.views ? ["views"] : [])],
  };
}

/** @param {Texts} t @returns {CoverageParts} */
function createParts(t) {
  return {
    figures: el("div", { class: "figures" }),
    key: el("div", { class: "key" }),
    list: el("ol", { class: "ranked" }),
    listTitle: el("h2", {}, t.blind_list),
    more: button({ class: "more", hidden: true }, t.more_rows),
    compare: el("details", { class: "compare" }, el("summary", {}, t.compare)),
  };
}

/** @param {CoverageView} view @param {AreaFilter} area */
function fillPanel(view, area) {
  const { context, controls, parts } = view;
  const { t, config, content, isVideoWall, isSaved, urlState } = context;
  const search = createSearchBox(context, (hit) => openHit(view, area, hit));
  const options = el("details", { class: "options" }, el("summary", {}, t.more_options));
  const { image, light, group, classes, number, measure, order } = controls;
  options.append(image.row, light.row, group.row, classes.row, number.row);
  const keys = ["image", "light", "cameras", "classes", "number"];
  options.open = keys.some((key) => urlState.get(key));
  parts.more.addEventListener("click", () => listBlindSpots(view, parts.list.children.length));
  /** @type {[string, string][]} */
  const layers = [
    ["grids", t.grids],
    ["blind-spots", t.blind_spots],
  ];
  if (config.views) layers.push(["cameras", t.cameras], ["views", t.views]);
  if (!isVideoWall && !isSaved) content.append(search);
  content.append(area.element, parts.figures, measure.row, options, parts.key);
  if (!isSaved) {
    const filter = () => ({ area: urlState.get("area") });
    content.append(createDownloads(context, layers, filter), compareBox(view));
  }
  if (config.views && !isVideoWall && !isSaved) content.append(planningBox(context));
  content.append(parts.listTitle, order.row, parts.list, parts.more);
}

/** @param {CoverageView} view @param {AreaFilter} area @param {SearchHit} hit */
function openHit(view, area, hit) {
  if (hit.kind === "grid") openGrid(view, hit.code);
  else if (hit.kind === "camera") openCamera(view, hit.code);
  else if (hit.kind !== "key_place") area.choose(hit.code);
}

/** @param {CoverageView} view */
async function refresh(view) {
  applyValues(view, await requestValues(view.context, view.controls));
}

/**
 * Load the map first; all else waits until it is drawn.
 *
 * @param {CoverageView} view
 * @param {Promise<GridValues>} firstValues
 * @param {Promise<void>} standing
 */
async function open(view, firstValues, standing) {
  const { context, parts } = view;
  const { t, client, urlState, isSaved, config, layers } = context;
  const painted = firstValues.then((values) => applyValues(view, values));
  [, view.areas] = await Promise.all([painted, context.areas]);
  const area = urlState.get("area");
  if (area) {
    limitToArea(view, area);
    paint(view);
  }
  await standing;
  client
    .get("coverage/cameras")
    .then((used) => {
      view.used = used;
      showSummary(view);
    })
    .catch((error) => fail(t, error));
  await listBlindSpots(view, 0);
  if (urlState.get("run") && !isSaved) parts.compare.open = true;
  const grid = urlState.get("grid");
  if (grid && !isSaved) await openGrid(view, grid);
  if (config.views && !isSaved) listen(client, { status: (event) => onStatus(view, event) });
  layers.finish();
}

/**
 * @param {CoverageView} view
 * @param {{camera: string, status: string, name: string | null, lat: number | null, lon: number |
 *   null}} event
 */
function onStatus({ context, statuses, layers }, event) {
  statuses.set(event.camera, event.status);
  layers?.cameras.restyle();
  const status = context.t[`status_${event.status}`];
  showPulse(context.map, event, `${event.name || event.camera} · ${status}`);
}

/** @param {CoverageView} view @param {AreaFilter} area */
function describe({ controls }, area) {
  const { measure, image, light, group } = controls;
  const isOpen = measure.value === "open_covered_share";
  const details = isOpen ? [image, light, group].map((choice) => choice.text).join(" · ") : "";
  return [measure.text, details, area.text()].filter(Boolean).join(" · ");
}
