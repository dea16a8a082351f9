/* The charts beside the incidents' map: trend, lines by category, hours of the week. */

import { parseMoment, stepKey } from "../lib/calendar.js";
import { hoursTable, stepChart } from "../lib/charts.js";
import { CHART, RAMPS } from "../lib/colours.js";
import { countUp, el } from "../lib/dom.js";
import { categoryText } from "../lib/format.js";
import { periodQuery, shownSteps, stepName } from "./incidents_period.js";

const MOST_BARS = 200;
const LINES = 5;

/**
 * Show the charts of the present filter.
 *
 * @param {IncidentView} view
 * @param {(step: number) => void} onPick of a step in the trend
 */
export async function showCharts(view, onPick) {
  const { context, period, controls, request } = view;
  const { client } = context;
  const all = periodQuery(view, [0, period.steps.length - 1]);
  const query = { ...all, step: controls.step.value };
  const [series, byHour] = await Promise.all([
    client.get("incidents/time-series", query),
    client.get("incidents/hour-of-week", periodQuery(view)),
  ]);
  if (request !== view.request) return;
  const charted = JSON.stringify(query);
  if (charted !== view.charted) {
    view.charted = charted;
    showTrend(view, series.counts, onPick);
  }
  showHours(view, byHour);
  countUp("beside");
}

/**
 * @param {IncidentView} view
 * @param {readonly {start: string, category: string, count: number}[]} rows
 * @param {(step: number) => void} onPick
 */
function showTrend(view, rows, onPick) {
  const { context, period, parts } = view;
  const { t, formats } = context;
  const { total, byCategory } = sumSeries(rows, period);
  const labels = period.steps.map((_, k) => stepName(view, k));
  const isBars = period.steps.length < MOST_BARS;
  const trend = stepChart(
    labels,
    [{ label: t.count, values: total, bars: isBars, colour: CHART.main }],
    { height: 96, format: formats.integer, band: shownSteps(view), onPick },
  );
  view.trendChart = trend;
  parts.trend.replaceChildren(trend.element);
  const sum = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0);
  const largest = [...byCategory].sort(([, a], [, b]) => sum(b) - sum(a)).slice(0, LINES);
  parts.byCategory.replaceChildren(el("h2", {}, t.by_category));
  if (!largest.length) return;
  const lines = largest.map(([path, values]) => ({ label: categoryText(t, path), values }));
  const chart = stepChart(labels, lines, { height: 150, format: formats.integer });
  parts.byCategory.append(chart.element);
}

/**
 * @param {readonly {start: string, category: string, count: number}[]} rows
 * @param {PeriodView} period
 */
function sumSeries(rows, { steps, kind }) {
  const index = new Map(steps.map((name, k) => [name, k]));
  const empty = () => /** @type {number[]} */ (Array(steps.length).fill(0));
  const total = empty();
  /** @type {Map<string, number[]>} */
  const byCategory = new Map();
  for (const { start, category, count } of rows) {
    const k = index.get(stepKey(parseMoment(start), kind));
    if (k == null) continue;
    total[k] += count;
    const line = byCategory.get(category) || empty();
    line[k] += count;
    byCategory.set(category, line);
  }
  return { total, byCategory };
}

/** @param {IncidentView} view @param {{hours: number[][], untimed: number}} byHour */
function showHours({ context, parts }, { hours, untimed }) {
  const { t, formats } = context;
  const table = hoursTable(hours, t, formats.integer, RAMPS.hours);
  parts.hours.replaceChildren(el("h2", {}, t.hours_title), table);
  if (!untimed) return;
  const text = t.untimed.replace("{n}", formats.integer.format(untimed));
  parts.hours.append(el("p", { class: "hint" }, text));
}
