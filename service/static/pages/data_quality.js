/* The data-quality page: issues by register, aspect, owner and area, and their places. */

import { ASPECT_COLOURS } from "../lib/colours.js";
import { button, el, markChosen } from "../lib/dom.js";
import { fillIn, issueText } from "../lib/format.js";
import { queryString } from "../lib/api.js";
import { fail } from "../map/failure.js";
import { figureTable } from "../map/legend.js";
import { focusArea } from "../map/view.js";
import { createFilter, matchesFilter } from "./data_quality_filter.js";

const SHOWN = 3000; // on the map
const LISTED = 200;

/**
 * @typedef {object} DataQualityView
 * @property {MapContext} context
 * @property {IssueFilter} filter
 * @property {ReturnType<typeof createFilter>} lists that the filter is set by
 * @property {IssueCount[]} counts of the area
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
export function showDataQuality(context) {
  const { t, content, layers } = context;
  const filter = readFilter();
  const view = {
    context,
    filter,
    lists: createFilter(context, filter, (key) => onFilter(view, key)),
    /** @type {IssueCount[]} */
    counts: [],
    /** @type {readonly Area[]} */
    areas: [],
    marks: createMarks(context),
    parts: {
      figures: el("div", { class: "figures" }),
      kinds: el("ol", { class: "ranked" }),
      list: el("ol", { class: "ranked" }),
      listTitle: el("h2", {}, t.issues),
      download: el("a", { download: "" }, t.as_table),
    },
    request: 0,
  };
  const { figures, kinds, list, listTitle } = view.parts;
  content.append(figures, ...view.lists.rows, el("h2", {}, t.issue), kinds, listTitle, list);
  layers.add(view.marks, t.issues, "now");
  open(view).catch((error) => fail(t, error));
  return {};
}

/** @returns {IssueFilter} */
function readFilter() {
  const parts = new URLSearchParams(location.search);
  /** @param {string} key */
  const get = (key) => parts.get(key) || "";
  return {
    layer: get("layer"),
    aspect: get("aspect"),
    issue: get("issue"),
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
      layer.bindTooltip(() => describeIssue(context.t, properties));
    },
  });
}

/** @param {Texts} t @param {FeatureProperties} issue */
function describeIssue(t, { issue, layer, code, aspect, detail, owner, grid }) {
  const noOwner = layer === "cameras" ? t.no_owner : null;
  return figureTable(issueText(t, issue), [
    [t.register, t[`layer_${layer}`]],
    [t.code, code],
    [t.aspect, t[`aspect_${aspect}`]],
    [t.detail, detail],
    [t.owner, owner || noOwner],
    [t.grids, grid],
  ]);
}

/** @param {DataQualityView} view */
async function open(view) {
  const { context, filter } = view;
  const [, areas] = await Promise.all([loadCounts(view), context.areas]);
  view.areas = [...areas].sort((a, b) => a.code.localeCompare(b.code));
  if (!context.hasPosition) focusArea(context, view.areas, filter.area);
  await update(view);
}

/** @param {DataQualityView} view */
async function loadCounts(view) {
  const { client } = view.context;
  view.counts = await client.get("data-quality/counts", { area: view.filter.area });
}

/** @param {DataQualityView} view @param {string} key of the filter that changed */
async function onFilter(view, key) {
  const { filter, context } = view;
  if (key === "layer" || key === "aspect") filter.issue = "";
  if (key === "area") {
    await loadCounts(view);
    focusArea(context, view.areas, filter.area);
  }
  update(view);
}

/** @param {DataQualityView} view */
async function update(view) {
  const { context, filter, lists, counts, areas } = view;
  const { client, language, t } = context;
  const request = ++view.request;
  lists.fill(counts, areas);
  const query = queryString({ lang: language, ...filter });
  history.replaceState(null, "", `${location.pathname}?${query}`);
  showKinds(view);
  try {
    const issues = await client.get("data-quality/issues", { ...filter, limit: SHOWN });
    if (request === view.request) showIssues(view, issues);
  } catch (error) {
    if (request === view.request) fail(t, error);
  }
}

/** @param {DataQualityView} view kinds of issues, the most frequent first */
function showKinds(view) {
  const { context, filter, counts, parts } = view;
  /** @type {Map<string, {layer: string, aspect: string, issue: string, rows: number}>} */
  const kinds = new Map();
  for (const row of counts.filter((one) => matchesFilter(filter, one))) {
    const { layer, aspect, issue } = row;
    const key = JSON.stringify([layer, aspect, issue]);
    const rows = (kinds.get(key)?.rows || 0) + row.rows;
    kinds.set(key, { layer, aspect, issue, rows });
  }
  const lines = [...kinds.values()]
    .sort((a, b) => b.rows - a.rows)
    .map((kind) => el("li", {}, kindButton(view, kind)));
  if (!lines.length) lines.push(el("li", {}, context.t.nothing_found));
  parts.kinds.replaceChildren(...lines);
}

/**
 * @param {DataQualityView} view
 * @param {{layer: string, aspect: string, issue: string, rows: number}} kind
 */
function kindButton(view, { layer, aspect, issue, rows }) {
  const { context, filter } = view;
  const { t, formats } = context;
  const dot = el("span", { class: "round" });
  dot.style.background = ASPECT_COLOURS[aspect];
  const isChosen = filter.issue === issue && (!filter.layer || filter.layer === layer);
  const where = el("small", {}, `${t[`layer_${layer}`]} · ${t[`aspect_${aspect}`]}`);
  const choose = () => {
    Object.assign(filter, isChosen ? { issue: "" } : { layer, aspect, issue });
    update(view);
  };
  return button(
    { class: isChosen ? "chosen" : null, "aria-pressed": String(isChosen), onclick: choose },
    dot,
    el("span", {}, issueText(t, issue), " ", where),
    el("span", { class: "amount" }, formats.integer.format(rows)),
  );
}

/** @param {DataQualityView} view @param {{features: any[], total: number}} issues */
function showIssues(view, { features, total }) {
  const { context, filter, marks, parts } = view;
  const { t, formats, client, layers } = context;
  const located = features.filter((feature) => feature.geometry);
  marks.clearLayers();
  marks.addData(/** @type {any} */ ({ type: "FeatureCollection", features: located }));
  const count = formats.integer.format(total);
  parts.figures.replaceChildren(el("strong", {}, count), el("span", {}, t.issues));
  parts.download.href = `${client.root}/data-quality/table?${queryString({ ...filter })}`;
  const n = formats.integer.format(Math.min(LISTED, features.length));
  const shown = el("small", {}, fillIn(t.first_n_of, { n, total: count }));
  parts.listTitle.replaceChildren(t.detail, " ", shown, " ", parts.download);
  /** @type {Map<any, any>} */
  const markOf = new Map(
    marks.getLayers().map((mark) => [/** @type {any} */ (mark).feature, mark]),
  );
  const lines = features.slice(0, LISTED).map((feature) => {
    return el("li", {}, issueButton(view, feature.properties, markOf.get(feature)));
  });
  parts.list.replaceChildren(...lines);
  document.body.dataset.total = String(total);
  layers.finish();
}

/**
 * @param {DataQualityView} view
 * @param {FeatureProperties} issue
 * @param {L.CircleMarker | undefined} mark
 */
function issueButton({ context, parts }, { code, issue, detail, layer, owner }, mark) {
  const { t, map } = context;
  const text = `${issueText(t, issue)}${detail ? ` · ${detail}` : ""}`;
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
