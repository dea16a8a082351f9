/* The dashboard's table of areas: their figures, and their rank by one of them. */

import { figureMapLink, figureText, figureValue, rankRows } from "../lib/dashboard_links.js";
import { queryString } from "../lib/api.js";
import { button, el } from "../lib/dom.js";
import { localName } from "../lib/format.js";
import { shareBar } from "./dashboard_cards.js";

// The only figure that is not a share; lower is better.
const INCIDENTS = "incidents_per_km2";
const COLUMNS = [
  "networked",
  "working",
  "key_places",
  "open_covered",
  "service_requests_in_time",
  "service_requests_satisfaction",
  "headed",
  "quality/cameras",
  INCIDENTS,
];

/**
 * Return the table that ranks the areas, null if there is nothing to compare.
 *
 * @param {DashboardView} view
 */
export function peersPane(view) {
  const { t, state, config, data } = view;
  const columns = shownColumns(data);
  if (!columns.length) return null;
  if (!columns.includes(state.by)) state.by = columns[0];
  const rows = data.areas
    .filter((row) => row.code)
    .map((row) => ({ ...row, value: figureValue(row.figures, state.by) }));
  const ranked = rankRows(rows, state.by === INCIDENTS);
  const unknown = rows.filter((row) => row.value == null).map((row) => ({ ...row, rank: null }));
  const ordered = [...(state.up ? ranked.reverse() : ranked), ...unknown];
  const table = el(
    "table",
    { class: "peers" },
    el("thead", {}, headRow(view, columns)),
    el("tbody", {}, ...ordered.map((row) => areaRow(view, row, columns))),
    el("tfoot", {}, evennessRow(view, columns)),
  );
  const query = queryString({ level: state.level, area: state.area });
  return el(
    "section",
    { class: "pane" },
    el(
      "h2",
      {},
      `${t.peers} · ${t[`level_${state.level}`]}`,
      el("small", {}, t.peers_hint),
      el("a", { href: `${config.api}/dashboard/table?${query}`, download: "" }, t.as_table),
    ),
    el("div", { class: "scroll", tabindex: "0" }, table),
  );
}

/** @param {DashboardData} data */
function shownColumns({ area, areas }) {
  const hasIncidents = !!area.figures.incidents && !!area.figures.incidents.numerator;
  return COLUMNS.filter(
    (name) =>
      (name !== INCIDENTS || hasIncidents) &&
      areas.some((row) => row.code && figureValue(row.figures, name) != null),
  );
}

/** @param {DashboardView} view @param {readonly string[]} columns */
function headRow({ t, state, redraw }, columns) {
  const reverse = () => {
    state.up = !state.up;
    redraw();
  };
  const row = el(
    "tr",
    {},
    el("th", { scope: "col" }, button({ onclick: reverse }, t.rank)),
    el("th", { scope: "col" }, button({}, t.area_name)),
  );
  for (const name of columns) {
    const isSorted = name === state.by;
    const isAscending = state.up === (name !== INCIDENTS);
    const sortBy = () => {
      state.up = isSorted && !state.up;
      state.by = name;
      redraw();
    };
    const sort = isSorted ? (isAscending ? "ascending" : "descending") : null;
    const title = button({ onclick: sortBy }, figureText(t, name));
    row.append(el("th", { scope: "col", "aria-sort": sort }, title));
  }
  return row;
}

/**
 * @param {DashboardView} view
 * @param {DashboardArea & {rank: number | null}} row
 * @param {readonly string[]} columns
 */
function areaRow(view, row, columns) {
  const { t, state, config, levels, go } = view;
  const isGrid = state.level === "grid";
  const name = localName(row, config.language) || row.code || t.no_area;
  const open = () => go(row.code, levelBelow(levels, state.level));
  const title = isGrid ? name : button({ title: t.to_peers, onclick: open }, name);
  return el(
    "tr",
    {},
    el("td", {}, row.rank == null ? "–" : String(row.rank)),
    el("td", {}, title),
    ...columns.map((column) => figureCell(view, row, column, isGrid)),
  );
}

/**
 * @param {DashboardView} view
 * @param {DashboardArea} row
 * @param {string} column
 * @param {boolean} isGrid
 */
function figureCell({ t, formats, config }, row, column, isGrid) {
  const value = figureValue(row.figures, column);
  if (value == null) return el("td", {}, "–");
  const figure = row.figures[column];
  const format = column === INCIDENTS ? formats.decimal : formats.percent;
  const href = figureMapLink(config.language, column, row.code, isGrid);
  const text = format.format(value);
  const cell = el("td", { class: figure && figure.met === false ? "low" : null });
  cell.append(href ? el("a", { href, title: t.on_map }, text) : text);
  if (column !== INCIDENTS) cell.append(shareBar(figure));
  return cell;
}

/** @param {DashboardView} view @param {readonly string[]} columns */
function evennessRow({ t, formats, data }, columns) {
  const cells = columns.map((name) => {
    const gini = data.gini[name];
    return el("td", { title: t.unevenness }, gini == null ? "–" : formats.decimal.format(gini));
  });
  return el("tr", {}, el("td", {}), el("td", {}, t.unevenness_short), ...cells);
}

/** All levels, from the top. */
export const LEVELS = ["district", "subdistrict", "community", "grid"];

/**
 * Return the next level below one that a deployment has.
 *
 * @param {readonly string[]} levels
 * @param {string} level
 */
export function levelBelow(levels, level) {
  const depth = LEVELS.indexOf(level);
  return levels.find((other) => LEVELS.indexOf(other) > depth) || "grid";
}
