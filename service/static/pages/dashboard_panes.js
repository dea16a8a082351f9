/* The panes of the dashboard: data quality, tasks, services, alerts. */

import { figureValue, issuesLink } from "../lib/dashboard_links.js";
import { queryString } from "../lib/api.js";
import { CHART } from "../lib/colours.js";
import { el, headingRow } from "../lib/dom.js";
import { issueText, localName } from "../lib/format.js";
import { shareBar } from "./dashboard_cards.js";

const REGISTERS = ["cameras", "grids", "key-places", "incidents", "buildings"];
const ASPECTS = ["complete", "plausible", "up_to_date", "in_place"];
const OWNED = ["cameras", "incidents"]; // rows of other registers have no owner
const MAX_TASKS = 60;
const MAX_ALERTS = 30;

/**
 * Return the quality of the registers by aspect, null if there is none.
 *
 * @param {DashboardView} view
 */
export function qualityPane(view) {
  const { t, data, formats, config, state } = view;
  const body = el("tbody", {});
  for (const layer of REGISTERS) {
    const all = data.area.figures[`quality/${layer}`];
    if (!all) continue;
    const href = issuesLink(config.language, { layer }, state.area);
    body.append(
      el(
        "tr",
        {},
        el("th", { scope: "row" }, el("a", { href }, t[`layer_${layer}`])),
        el("td", {}, formats.integer.format(all.denominator)),
        ...ASPECTS.map((aspect) => aspectCell(view, layer, aspect)),
      ),
    );
  }
  if (!body.children.length) return null;
  const head = headingRow([t.register, t.rows, ...ASPECTS.map((aspect) => t[`aspect_${aspect}`])]);
  const table = el("table", { class: "matrix" }, el("thead", {}, head), body);
  const title = el("h2", {}, t.quality_title, el("small", {}, t.quality_hint));
  return el("section", { class: "pane" }, title, table);
}

/** @param {DashboardView} view @param {string} layer @param {string} aspect */
function aspectCell({ data, formats, config, state }, layer, aspect) {
  const name = `quality/${layer}/${aspect}`;
  const share = figureValue(data.area.figures, name);
  if (share == null) return el("td", {}, "–");
  const figure = data.area.figures[name];
  // Rounded down, so that only a register without issues shows 100 %.
  const text = formats.percent.format(Math.floor(share * 1000) / 1000);
  const href = issuesLink(config.language, { layer, aspect }, state.area);
  const cell = el("td", {}, figure.numerator < figure.denominator ? el("a", { href }, text) : text);
  if (share < 1) {
    const strength = Math.min(70, 8 + (1 - share) * 160);
    cell.style.background = `color-mix(in srgb, ${CHART.shortfall} ${strength}%, white)`;
  }
  return cell;
}

/**
 * Return the tasks: issues by owner, the most rows first.
 *
 * @param {DashboardView} view
 * @param {readonly IssueCount[]} counts
 */
export function tasksPane({ t, formats, config, state }, counts) {
  const lines = groupTasks(counts).map(({ layer, aspect, issue, owner, rows }) => {
    const filter = { layer, aspect, issue, ...(owner ? { owner } : {}) };
    const href = issuesLink(config.language, filter, state.area);
    const who = owner == null ? t[`layer_${layer}`] : owner || t.no_owner;
    return el(
      "li",
      {},
      el("span", {}, el("a", { href }, issueText(t, issue)), " ", el("small", {}, who)),
      el("span", { class: "amount" }, formats.integer.format(rows)),
    );
  });
  if (!lines.length) lines.push(el("li", {}, t.nothing_found));
  const href = `${config.api}/data-quality/table?${queryString({ area: state.area })}`;
  const title = el("h2", {}, t.todo, el("a", { href, download: "" }, t.as_table));
  return el("section", { class: "pane" }, title, el("ul", { class: "list" }, ...lines));
}

/** @param {readonly IssueCount[]} counts */
function groupTasks(counts) {
  /** @type {Map<string, Omit<IssueCount, "owner"> & {owner: string | null}>} */
  const tasks = new Map();
  for (const { layer, aspect, issue, owner: name, rows } of counts) {
    const owner = OWNED.includes(layer) ? name : null;
    const key = JSON.stringify([layer, aspect, issue, owner]);
    const task = tasks.get(key) || { layer, aspect, issue, owner, rows: 0 };
    tasks.set(key, { ...task, rows: task.rows + rows });
  }
  return [...tasks.values()].sort((a, b) => b.rows - a.rows).slice(0, MAX_TASKS);
}

/**
 * Return the shares of residents near services and of key places by kind, null if there are none.
 *
 * @param {DashboardView} view
 */
export function servicesPane(view) {
  const { t, config, state } = view;
  const { language } = config;
  const pane = el(
    "section",
    { class: "pane" },
    ...kindLines(view, t.service_title, "served/", (kind) => {
      const issue = `no_service_within_distance/${kind}`;
      return issuesLink(language, { layer: "grids", aspect: "service", issue }, state.area);
    }),
    ...kindLines(view, t.places_title, "key_places/", (kind) =>
      issuesLink(language, { layer: "key-places", aspect: "target", owner: kind }, state.area),
    ),
  );
  return pane.children.length ? pane : null;
}

/**
 * @param {DashboardView} view
 * @param {string} title
 * @param {string} prefix of the figures' names
 * @param {(kind: string) => string} link
 */
function kindLines({ t, formats, data }, title, prefix, link) {
  const lines = el("div", { class: "lines" });
  for (const [name, figure] of Object.entries(data.area.figures)) {
    if (!name.startsWith(prefix) || figure.share == null) continue;
    const kind = name.slice(prefix.length);
    lines.append(
      el("a", { href: link(kind) }, t[`kind_${kind}`] || kind),
      shareBar(figure),
      el("span", { class: "amount" }, formats.percent.format(figure.share)),
    );
  }
  return lines.children.length ? [el("h2", {}, title), lines] : [];
}

/**
 * Return the grids with more incidents than expected.
 *
 * @param {DashboardView} view
 * @param {readonly Alert[]} alerts
 */
export function alertsPane({ t, formats, config }, alerts) {
  const lines = alerts.slice(0, MAX_ALERTS).map((alert) => {
    const { category } = alert;
    const text = t.alert_line
      .replace(/\{since\}/g, alert.since)
      .replace("{observed}", formats.decimal.format(alert.observed))
      .replace("{expected}", formats.decimal.format(alert.expected));
    const name = localName(alert, config.language, "grid_name") || alert.grid;
    return el(
      "li",
      {},
      el("span", {}, name, " ", el("small", {}, text)),
      el("span", {}, category ? t[`category_${category}`] || category : t.all_incidents),
    );
  });
  if (!lines.length) lines.push(el("li", {}, t.no_alerts));
  const count = el("small", {}, formats.integer.format(alerts.length));
  return el(
    "section",
    { class: "pane" },
    el("h2", {}, t.alerts_title, count),
    el("ul", { class: "list wide" }, ...lines),
  );
}
