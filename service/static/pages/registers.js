/* The map of the registers' state: findings by register, aspect, owner and area, and where they
   are. */

import { ASPECT_COLOURS } from "../lib/colours.js";
import { button, el, markChosen } from "../lib/dom.js";
import { fillIn, findingText } from "../lib/format.js";
import { queryString } from "../lib/api.js";
import { fail } from "../map/failure.js";
import { figureTable } from "../map/legend.js";
import { focusArea } from "../map/view.js";
import { createFilter, matchesFilter } from "./registers_filter.js";

const SHOWN = 3000; // on the map
const LISTED = 200;

/**
 * @typedef {object} RegistersView
 * @property {MapContext} context
 * @property {FindingFilter} filter
 * @property {ReturnType<typeof createFilter>} lists that the filter is set by
 * @property {FindingCount[]} counts of the area
 * @property {readonly Area[]} areas
 * @property {L.GeoJSON} marks
 * @property {{figures: HTMLElement, kinds: HTMLElement, list: HTMLElement, listTitle: HTMLElement,
 *   download: HTMLAnchorElement}} parts
 * @property {number} request number of the newest one
 */

/**
 * Show the page.
 *
 * @param {MapContext} context
 * @returns {PageSummary}
 */
export function showRegisters(context) {
  const { t, content, layers } = context;
  const filter = readFilter();
  const view = {
    context,
    filter,
    lists: createFilter(context, filter, (key) => onFilter(view, key)),
    /** @type {FindingCount[]} */
    counts: [],
    /** @type {readonly Area[]} */
    areas: [],
    marks: createMarks(context),
    parts: {
      figures: el("div", { class: "figures" }),
      kinds: el("ol", { class: "ranked" }),
      list: el("ol", { class: "ranked" }),
      listTitle: el("h2", {}, t.findings),
      download: el("a", { download: "" }, t.as_table),
    },
    request: 0,
  };
  const { figures, kinds, list, listTitle } = view.parts;
  content.append(figures, ...view.lists.rows, el("h2", {}, t.finding), kinds, listTitle, list);
  layers.add(view.marks, t.findings, "now");
  open(view).catch((error) => fail(t, error));
  return {};
}

/** @returns {FindingFilter} */
function readFilter() {
  const parts = new URLSearchParams(location.search);
  /** @param {string} key */
  const get = (key) => parts.get(key) || "";
  return {
    layer: get("layer"),
    aspect: get("aspect"),
    finding: get("finding"),
    owner: get("owner"),
    area: get("area"),
  };
}

/** @param {MapContext} context */
function createMarks(context) {
  return L.geoJSON(undefined, {
    pointToLayer: ({ properties }, at) =>
      L.circleMarker(at, {
        radius: 5,
        weight: 1,
        color: "#fff",
        fillOpacity: 0.9,
        fillColor: ASPECT_COLOURS[properties.aspect],
      }),
    onEachFeature: ({ properties }, layer) => {
      layer.bindTooltip(() => describeFinding(context.t, properties));
    },
  });
}

/** @param {Texts} t @param {FeatureProperties} finding */
function describeFinding(t, { finding, layer, code, aspect, detail, owner, grid }) {
  const noOwner = layer === "cameras" ? t.no_owner : null;
  return figureTable(findingText(t, finding), [
    [t.register, t[`layer_${layer}`]],
    [t.code, code],
    [t.aspect, t[`aspect_${aspect}`]],
    [t.detail, detail],
    [t.owner, owner || noOwner],
    [t.grids, grid],
  ]);
}

/** @param {RegistersView} view */
async function open(view) {
  const { context, filter } = view;
  const [, areas] = await Promise.all([loadCounts(view), context.areas]);
  view.areas = [...areas].sort((a, b) => a.code.localeCompare(b.code));
  if (!context.hasPosition) focusArea(context, view.areas, filter.area);
  await update(view);
}

/** @param {RegistersView} view */
async function loadCounts(view) {
  const { client } = view.context;
  view.counts = await client.get("registers/counts", { area: view.filter.area });
}

/** @param {RegistersView} view @param {string} key of the filter that changed */
async function onFilter(view, key) {
  const { filter, context } = view;
  if (key === "layer" || key === "aspect") filter.finding = "";
  if (key === "area") {
    await loadCounts(view);
    focusArea(context, view.areas, filter.area);
  }
  update(view);
}

/** @param {RegistersView} view */
async function update(view) {
  const { context, filter, lists, counts, areas } = view;
  const { client, language, t } = context;
  const request = ++view.request;
  lists.fill(counts, areas);
  const query = queryString({ lang: language, ...filter });
  history.replaceState(null, "", `${location.pathname}?${query}`);
  showKinds(view);
  try {
    const findings = await client.get("registers/findings", { ...filter, limit: SHOWN });
    if (request === view.request) showFindings(view, findings);
  } catch (error) {
    if (request === view.request) fail(t, error);
  }
}

/** @param {RegistersView} view kinds of findings, the most frequent first */
function showKinds(view) {
  const { context, filter, counts, parts } = view;
  /** @type {Map<string, {layer: string, aspect: string, finding: string, rows: number}>} */
  const kinds = new Map();
  for (const row of counts.filter((one) => matchesFilter(filter, one))) {
    const { layer, aspect, finding } = row;
    const key = JSON.stringify([layer, aspect, finding]);
    const rows = (kinds.get(key)?.rows || 0) + row.rows;
    kinds.set(key, { layer, aspect, finding, rows });
  }
  const lines = [...kinds.values()]
    .sort((a, b) => b.rows - a.rows)
    .map((kind) => el("li", {}, kindButton(view, kind)));
  if (!lines.length) lines.push(el("li", {}, context.t.nothing_found));
  parts.kinds.replaceChildren(...lines);
}

/**
 * @param {RegistersView} view
 * @param {{layer: string, aspect: string, finding: string, rows: number}} kind
 */
function kindButton(view, { layer, aspect, finding, rows }) {
  const { context, filter } = view;
  const { t, formats } = context;
  const dot = el("span", { class: "round" });
  dot.style.background = ASPECT_COLOURS[aspect];
  const isChosen = filter.finding === finding && (!filter.layer || filter.layer === layer);
  const where = el("small", {}, `${t[`layer_${layer}`]} · ${t[`aspect_${aspect}`]}`);
  const choose = () => {
    Object.assign(filter, isChosen ? { finding: "" } : { layer, aspect, finding });
    update(view);
  };
  return button(
    { class: isChosen ? "chosen" : null, "aria-pressed": String(isChosen), onclick: choose },
    dot,
    el("span", {}, findingText(t, finding), " ", where),
    el("span", { class: "amount" }, formats.integer.format(rows)),
  );
}

/** @param {RegistersView} view @param {{features: any[], total: number}} findings */
function showFindings(view, { features, total }) {
  const { context, filter, marks, parts } = view;
  const { t, formats, client, layers } = context;
  const located = features.filter((feature) => feature.geometry);
  marks.clearLayers();
  marks.addData(/** @type {any} */ ({ type: "FeatureCollection", features: located }));
  const count = formats.integer.format(total);
  parts.figures.replaceChildren(el("strong", {}, count), el("span", {}, t.findings));
  parts.download.href = `${client.root}/registers/table?${queryString({ ...filter })}`;
  const n = formats.integer.format(Math.min(LISTED, features.length));
  const shown = el("small", {}, fillIn(t.first_n_of, { n, total: count }));
  parts.listTitle.replaceChildren(t.detail, " ", shown, " ", parts.download);
  /** @type {Map<any, any>} */
  const markOf = new Map(
    marks.getLayers().map((mark) => [/** @type {any} */ (mark).feature, mark]),
  );
  const lines = features.slice(0, LISTED).map((feature) => {
    return el("li", {}, findingButton(view, feature.properties, markOf.get(feature)));
  });
  parts.list.replaceChildren(...lines);
  document.body.dataset.total = String(total);
  layers.finish();
}

/**
 * @param {RegistersView} view
 * @param {FeatureProperties} finding
 * @param {L.CircleMarker | undefined} mark
 */
function findingButton({ context, parts }, { code, finding, detail, layer, owner }, mark) {
  const { t, map } = context;
  const text = `${findingText(t, finding)}${detail ? ` · ${detail}` : ""}`;
  const line = button(
    {},
    el("span", { class: "rank" }, ""),
    el("span", {}, code, " ", el("small", {}, text)),
    el("span", { class: "amount" }, layer === "cameras" ? owner : ""),
  );
  line.addEventListener("click", () => {
    if (!mark) return;
    markChosen(parts.list, line);
    map.setView(mark.getLatLng(), Math.max(17, map.getZoom()));
    mark.openTooltip();
  });
  return line;
}
