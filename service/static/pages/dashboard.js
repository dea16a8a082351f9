/* The dashboard: targets, ranking, service requests, inequality, data quality, shortfalls. */

import { createClient } from "../lib/api.js";
import { nextSteps } from "../lib/checklist.js";
import { button, byId, el, markReady, showNotice } from "../lib/dom.js";
import { localName, numberFormats } from "../lib/format.js";
import { pageConfig } from "../lib/page_data.js";
import { debounce } from "../lib/time.js";
import { figureCards } from "./dashboard_cards.js";
import { trendCharts } from "./dashboard_charts.js";
import { alertsPane, qualityPane, servicesPane, tasksPane } from "./dashboard_panes.js";
import { LEVELS, levelBelow, peersPane } from "./dashboard_peers.js";

/**
 * @typedef {object} DashboardAnswers
 * @property {DashboardData} data
 * @property {IssueCount[]} counts
 * @property {Alert[]} alerts
 * @property {Trends} trends
 */

const config = /** @type {DashboardConfig} */ (pageConfig());
const { t } = config;
const client = createClient(config.api);
const isVideoWall = new URLSearchParams(location.search).get("video_wall") === "1";
const root = byId("dashboard");

// Levels that this deployment has; the grids are always among them.
const levels = LEVELS.filter((level) => !config.levels || config.levels.includes(level));
const state = readState();

/** @type {uPlot[]} */
let charts = [];
/** @type {DashboardAnswers | null} */
let answers = null;
/**
 * @type {HTMLElement | null} what would improve the figures, while something essential is missing
 */
let hints = null;
let requests = 0;

/** @returns {DashboardState} */
function readState() {
  const parts = new URLSearchParams(location.search);
  const usual = ["subdistrict", "community", "district", "grid"].find((one) =>
    levels.includes(one),
  );
  const level = parts.get("level") || "";
  return {
    area: parts.get("area"),
    level: levels.includes(level) ? level : usual || "grid",
    by: parts.get("by") || "open_covered",
    up: parts.get("up") === "1",
  };
}

function writeState() {
  const parts = new URLSearchParams({ lang: config.language, level: state.level, by: state.by });
  if (isVideoWall) parts.set("video_wall", "1");
  if (state.area) parts.set("area", state.area);
  if (state.up) parts.set("up", "1");
  history.replaceState(null, "", `${location.pathname}?${parts}`);
  parts.set("lang", config.language === "zh" ? "en" : "zh");
  for (const link of document.querySelectorAll("nav a.language")) {
    /** @type {HTMLAnchorElement} */ (link).href = `/dashboard?${parts}`;
  }
}

/** @param {string | null} area @param {string} level */
function go(area, level) {
  state.area = area;
  state.level = level;
  update();
}

/** @param {DashboardData} data */
function headline(data) {
  const title = el("h1", {});
  const path = [{ code: null, name: t.whole, name_en: null, level: "" }, ...data.path];
  path.forEach((area, k) => {
    const name = localName(area, config.language) || area.code || t.no_area;
    if (k) title.append(" › ");
    const isLast = k === path.length - 1;
    const open = () => go(area.code, levelBelow(levels, area.level));
    title.append(isLast ? name : button({ onclick: open }, name));
  });
  const depth = data.path.length ? LEVELS.indexOf(data.path[data.path.length - 1].level) : -1;
  const tabs = el("div", { class: "tabs", role: "group", "aria-label": t.level });
  for (const level of levels.filter((one) => LEVELS.indexOf(one) > depth)) {
    const attributes = { "aria-pressed": String(level === state.level) };
    const open = () => go(state.area, level);
    tabs.append(button({ ...attributes, onclick: open }, t[`level_${level}`]));
  }
  return el("div", { class: "headline" }, title, tabs);
}

/** @param {string} kind @param {readonly (Node | null)[]} parts */
function rowOf(kind, parts) {
  const present = parts.filter((part) => part != null);
  return present.length ? el("div", { class: present.length > 1 ? kind : null }, ...present) : null;
}

/** @param {DashboardAnswers} given */
function show({ data, counts, alerts, trends }) {
  writeState();
  charts.forEach((chart) => chart.destroy());
  /** @type {DashboardView} */
  const view = {
    config,
    t,
    formats: numberFormats(config.language),
    state,
    levels,
    data,
    redraw,
    go,
  };
  const cards = figureCards(view);
  const peers = peersPane(view);
  const graphs = trendCharts(view, trends);
  const pane = graphs.map((graph) => graph.element);
  const { incidents } = data.area.figures;
  const parts = [
    headline(data),
    cards.element,
    rowOf("columns", [peers, pane.length ? el("section", { class: "pane" }, ...pane) : null]),
    rowOf("columns even", [qualityPane(view), tasksPane(view, counts), servicesPane(view)]),
    incidents && incidents.numerator ? alertsPane(view, alerts) : null,
    hints,
  ];
  root.replaceChildren(...parts.filter((part) => part != null));
  charts = [...graphs, ...cards.charts].map((part) => part.draw());
  document.title = `${t.product} · ${t.dashboard}`;
  document.body.dataset.area = data.area.code;
  document.body.dataset.level = state.level;
  markReady();
}

function redraw() {
  if (answers) show(answers);
}

async function update() {
  const request = ++requests;
  delete document.body.dataset.ready;
  try {
    const { area, level } = state;
    const data = await client.get("dashboard", { level, area });
    const [counts, alerts, trends] = await Promise.all([
      client.get("data-quality/counts", { area }),
      client.get("alerts"),
      client.get("dashboard/trends", { area }),
    ]);
    if (request !== requests) return;
    answers = { data, counts, alerts, trends };
    show(answers);
  } catch (error) {
    if (request !== requests) return;
    showNotice(t.failed);
    markReady();
    throw error;
  }
}

async function showWhatIsMissing() {
  const status = /** @type {SetupStatus} */ (await client.get("setup/status"));
  if (status.ready) return;
  hints = el("section", { class: "pane" }, await nextSteps(client, config, t.setup));
  if (answers) root.append(hints);
}

async function showNextSteps() {
  const steps = await nextSteps(client, config, t.no_results_title);
  root.append(el("section", { class: "pane" }, steps));
  markReady();
}

/** A refresh stores the coverage first: the figures of the dashboard follow. */
function waitForFigures() {
  root.append(el("section", { class: "pane" }, el("p", {}, t.dashboard_pending)));
  markReady();
  setTimeout(() => location.reload(), 5_000);
}

document.body.classList.toggle("on-video-wall", isVideoWall);
window.addEventListener("resize", debounce(redraw, 150));
if (config.pending) waitForFigures();
else if (config.run == null) showNextSteps().catch(() => showNotice(t.failed));
else {
  update();
  if (!isVideoWall) showWhatIsMissing().catch(() => showNotice(t.failed));
}
