/* The dashboard's charts: service requests by month, cameras by year, inequality. */

import { figureText, figureValue, lorenzCurve } from "../lib/dashboard_links.js";
import { AXIS, bars } from "../lib/charts.js";
import { CHART } from "../lib/colours.js";
import { el } from "../lib/dom.js";

const HEIGHT = 168;
const NARROWEST = 220;

/**
 * @typedef {object} TrendSeries
 * @property {string} label
 * @property {(number | null)[]} values
 * @property {string} stroke
 * @property {boolean} [bars]
 * @property {boolean} [share] of a scale from 0 to 1 at the right
 */

/**
 * Return the charts that have data.
 *
 * @param {DashboardView} view
 * @param {Trends} trends
 * @returns {ChartPart[]}
 */
export function trendCharts(view, { service_requests_by_month: requests, cameras_by_year: years }) {
  const { t } = view;
  const charts = [];
  if (requests.length) {
    const months = requests.map((row) => Date.parse(`${row.month}T00:00:00Z`) / 1000);
    charts.push(
      trendChart(view, t.by_month, months, true, [
        {
          label: t.received,
          values: requests.map((r) => r.received),
          stroke: CHART.muted,
          bars: true,
        },
        {
          label: t.in_time_share,
          values: requests.map((r) => r.in_time_share),
          stroke: CHART.accent,
          share: true,
        },
      ]),
    );
  }
  if (years.length) {
    /**
     * @param {"in_service" | "installed" | "upgraded" | "retired" | "platforms"} key
     * @param {string} stroke
     */
    const line = (key, stroke) => ({ label: t[key], values: years.map((row) => row[key]), stroke });
    const numbers = years.map((row) => row.year);
    charts.push(
      trendChart(view, t.by_year, numbers, false, [
        { ...line("in_service", CHART.muted), bars: true },
        line("installed", CHART.main),
        line("upgraded", CHART.accent),
        line("retired", CHART.gone),
        line("platforms", CHART.good),
      ]),
    );
  }
  const lorenz = lorenzChart(view);
  if (lorenz) charts.push(lorenz);
  return charts;
}

/**
 * @param {DashboardView} view
 * @param {string} title
 * @param {number[]} x seconds or years
 * @param {boolean} isTime
 * @param {TrendSeries[]} series
 * @returns {ChartPart}
 */
function trendChart(view, title, x, isTime, series) {
  const place = el("div", {});
  const element = el("div", { class: "chart" }, el("h3", {}, title), place);
  const data = /** @type {uPlot.AlignedData} */ ([x, ...series.map((one) => one.values)]);
  return {
    element,
    draw: () => {
      const width = Math.max(NARROWEST, element.clientWidth);
      return new uPlot(trendOptions(view, width, isTime, series), data, place);
    },
  };
}

/**
 * @param {DashboardView} view
 * @param {number} width
 * @param {boolean} isTime
 * @param {TrendSeries[]} series
 * @returns {uPlot.Options}
 */
function trendOptions({ t, formats }, width, isTime, series) {
  /** @param {number} value */
  const step = (value) =>
    isTime ? monthText(value) : Number.isInteger(value) ? String(value) : "";
  /** @type {uPlot.Axis[]} */
  const axes = [
    { ...AXIS, space: isTime ? 56 : 30, values: (_, ticks) => ticks.map(step) },
    { ...AXIS, size: 54 },
  ];
  if (series.some((one) => one.share)) {
    axes.push({
      ...AXIS,
      scale: "share",
      side: 1,
      size: 44,
      grid: { show: false },
      values: (_, ticks) => ticks.map((value) => formats.percent.format(value)),
    });
  }
  /** @type {uPlot.Series} */
  const steps = {
    label: isTime ? t.month : t.year,
    value: (_, value) => (value == null ? "–" : step(value)),
  };
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { time: isTime, range: isTime ? undefined : (_, low, high) => [low - 0.6, high + 0.6] },
      share: { range: [0, 1] },
      y: { range: (_, _low, high) => [0, (high || 1) * 1.08] },
    },
    series: [steps, ...series.map((one) => trendSeries(one, formats))],
    axes,
  };
}

/** @param {TrendSeries} series @param {NumberFormats} formats @returns {uPlot.Series} */
function trendSeries(series, formats) {
  const format = series.share ? formats.percent : formats.integer;
  return {
    label: series.label,
    stroke: series.stroke,
    scale: series.share ? "share" : "y",
    width: 2,
    paths: series.bars ? bars(0.62, 28) : undefined,
    fill: series.bars ? `${series.stroke}66` : undefined,
    points: { show: false },
    value: (_, value) => (value == null ? "–" : format.format(value)),
  };
}

/** @param {number} seconds */
function monthText(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 7);
}

/**
 * Return the Lorenz curve of a figure with its Gini coefficient.
 *
 * @param {DashboardView} view
 * @returns {ChartPart | null}
 */
function lorenzChart({ t, formats, data, state }) {
  const areas = data.areas.filter((row) => row.code);
  const curve = lorenzCurve(areas.map((row) => figureValue(row.figures, state.by)));
  if (!curve) return null;
  const gini = data.gini[state.by];
  const unevenness = gini == null ? "" : ` · ${t.unevenness_short} ${formats.decimal.format(gini)}`;
  const title = `${t.lorenz}: ${figureText(t, state.by)}${unevenness}`;
  const place = el("div", {});
  const element = el("div", { class: "chart" }, el("h3", {}, title), place);
  const rows = /** @type {uPlot.AlignedData} */ ([curve.areas, curve.shares, curve.areas]);
  return {
    element,
    draw: () => {
      const width = Math.max(NARROWEST, element.clientWidth);
      return new uPlot(lorenzOptions(t, formats, width), rows, place);
    },
  };
}

/**
 * @param {Texts} t
 * @param {NumberFormats} formats
 * @param {number} width
 * @returns {uPlot.Options}
 */
function lorenzOptions(t, { percent }, width) {
  /** @type {uPlot.Axis.DynamicValues} */
  const shares = (_, ticks) => ticks.map((value) => percent.format(value));
  /** @type {uPlot.Series.Value} */
  const value = (_, share) => (share == null ? "–" : percent.format(share));
  const points = { show: false };
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false, range: [0, 1] }, y: { range: [0, 1] } },
    axes: [
      { ...AXIS, values: shares },
      { ...AXIS, size: 54, values: shares },
    ],
    series: [
      { label: t.lorenz_areas, value },
      {
        label: t.lorenz_figure,
        stroke: CHART.accent,
        width: 2,
        fill: `${CHART.accent}22`,
        points,
        value,
      },
      { label: t.lorenz_even, stroke: CHART.muted, width: 1, dash: [4, 3], points, value },
    ],
  };
}
