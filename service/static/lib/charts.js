/* Small charts drawn by uPlot, and the table of the hours of a week. */

import { CHART } from "./colours.js";
import { el } from "./dom.js";

export const AXIS = {
  font: "11px system-ui, sans-serif",
  stroke: CHART.axis,
  grid: { stroke: CHART.grid, width: 1 },
};

/**
 * Return a chart of lines or bars over labelled steps. It is drawn once it is on the page, as wide
 * as its place.
 *
 * @param {readonly string[]} labels one a step
 * @param {readonly ChartSeries[]} series
 * @param {ChartOptions} options
 */
export function stepChart(labels, series, options) {
  const names = series.map((one) => one.label).join(", ");
  const element = el("div", {
    class: "chart",
    role: "img",
    "aria-label": `${names}: ${labels[0]} – ${labels[labels.length - 1]}`,
  });
  const state = { band: options.band || null };
  /** @type {uPlot | null} */
  let plot = null;
  const height = options.height || 130;
  new ResizeObserver(() => {
    if (!element.clientWidth) return;
    const width = Math.max(160, element.clientWidth);
    if (!plot) plot = drawSteps(element, labels, series, { ...options, width, height }, state);
    else if (Math.abs(plot.width - element.clientWidth) > 4) plot.setSize({ width, height });
  }).observe(element);
  return {
    element,
    /** @param {number} first @param {number} last steps that are marked */
    mark(first, last) {
      state.band = [first, last];
      if (plot) plot.redraw(false);
    },
  };
}

/**
 * @param {HTMLElement} element
 * @param {readonly string[]} labels
 * @param {readonly ChartSeries[]} series
 * @param {ChartOptions & {width: number, height: number}} options
 * @param {{band: [number, number] | null}} state
 */
function drawSteps(element, labels, series, options, state) {
  const { format } = options;
  /** @type {uPlot.Options} */
  const settings = {
    width: options.width,
    height: options.height,
    padding: [8, 6, 0, 0],
    legend: { show: series.length > 1, live: true },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: false, range: [-0.6, labels.length - 0.4] },
      y: { range: (_, _low, high) => [0, options.top || (high || 1) * 1.08] },
    },
    series: [
      { label: "", value: (_, k) => labels[k] || "–" },
      ...series.map((one, k) =>
        seriesStyle(one, CHART.series[k % CHART.series.length], labels.length, format),
      ),
    ],
    axes: stepAxes(labels, format),
    hooks: {
      drawClear: [(chart) => drawBand(chart, state.band)],
      setCursor: [
        (chart) => {
          const k = chart.cursor.idx;
          element.title = k == null ? "" : stepTitle(labels, series, k, format);
        },
      ],
    },
  };
  const steps = labels.map((_, k) => k);
  const data = /** @type {uPlot.AlignedData} */ ([steps, ...series.map((one) => one.values)]);
  const plot = new uPlot(settings, data, element);
  const { onPick } = options;
  if (onPick) {
    plot.over.addEventListener("click", () => {
      if (plot.cursor.idx != null) onPick(plot.cursor.idx);
    });
  }
  element.dataset.drawn = "true";
  return plot;
}

/** @param {readonly string[]} labels @param {Intl.NumberFormat} format @returns {uPlot.Axis[]} */
function stepAxes(labels, format) {
  const axis = { ...AXIS, ticks: { show: false } };
  return [
    {
      ...axis,
      size: 26,
      space: 60,
      values: (_, ticks) => ticks.map((k) => (Number.isInteger(k) && labels[k] ? labels[k] : "")),
      grid: { show: false },
    },
    { ...axis, size: 46, values: (_, ticks) => ticks.map((value) => format.format(value)) },
  ];
}

/**
 * @param {ChartSeries} series
 * @param {string} usualColour
 * @param {number} steps
 * @param {Intl.NumberFormat} format
 * @returns {uPlot.Series}
 */
function seriesStyle(series, usualColour, steps, format) {
  const colour = series.colour || usualColour;
  return {
    label: series.label,
    stroke: colour,
    fill: series.bars ? `${colour}99` : undefined,
    width: series.bars ? 0 : 2,
    paths: series.bars ? bars(0.8, 40) : undefined,
    points: { show: !series.bars && steps < 3 },
    value: (_, value) => (value == null ? "–" : format.format(value)),
  };
}

/**
 * Return a drawer of bars.
 *
 * @param {number} share of a step that a bar is wide
 * @param {number} widest in pixels
 */
export function bars(share, widest) {
  return uPlot.paths.bars?.({ size: [share, widest] });
}

/** @param {uPlot} chart @param {[number, number] | null} band */
function drawBand(chart, band) {
  if (!band) return;
  const left = chart.valToPos(band[0] - 0.5, "x", true);
  const right = chart.valToPos(band[1] + 0.5, "x", true);
  chart.ctx.fillStyle = CHART.band;
  chart.ctx.fillRect(left, chart.bbox.top, Math.max(2, right - left), chart.bbox.height);
}

/**
 * @param {readonly string[]} labels
 * @param {readonly ChartSeries[]} series
 * @param {number} step
 * @param {Intl.NumberFormat} format
 */
function stepTitle(labels, series, step, format) {
  const figures = series.map((one) => {
    const value = one.values[step];
    const text = value == null ? "–" : format.format(value);
    return series.length > 1 ? `${one.label} ${text}` : text;
  });
  return `${labels[step]}: ${figures.join(" · ")}`;
}

/**
 * Return a table of the hours of a week, darker for more.
 *
 * @param {readonly (readonly number[])[]} counts seven days of twenty-four hours
 * @param {Texts} t
 * @param {Intl.NumberFormat} format
 * @param {readonly string[]} ramp
 */
export function hoursTable(counts, t, format, ramp) {
  const most = Math.max(1, ...counts.flat());
  const hours = Array.from({ length: 24 }, (_, hour) =>
    el("th", { scope: "col" }, hour % 6 === 0 ? String(hour) : ""),
  );
  const rows = counts.map((day, k) => {
    const name = t[`weekday_${k}`];
    const cells = day.map((count, hour) => {
      const cell = el("td", { title: `${name} ${hour}:00 – ${format.format(count)}` });
      const shade = Math.min(ramp.length - 1, Math.floor((count / most) * ramp.length));
      cell.style.background = count ? ramp[shade] : CHART.emptyCell;
      return cell;
    });
    return el("tr", {}, el("th", { scope: "row" }, name), ...cells);
  });
  return el(
    "table",
    { class: "week" },
    el("caption", {}, t.hours_of_week),
    el("thead", {}, el("tr", {}, el("td", {}), ...hours)),
    el("tbody", {}, ...rows),
  );
}
