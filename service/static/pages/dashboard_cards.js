/* The cards of the dashboard: figure, target, shortfall and the distribution of the areas. */

import { bars } from "../lib/charts.js";
import {
  CARDS,
  figureMapLink,
  figureText,
  figureValue,
  issuesLink,
} from "../lib/dashboard_links.js";
import { CHART } from "../lib/colours.js";
import { el } from "../lib/dom.js";
import { localName } from "../lib/format.js";

/**
 * Return the cards of the figures that have a value, null for none, and their small charts.
 *
 * @param {DashboardView} view
 * @returns {{element: HTMLElement | null, charts: ChartPart[]}}
 */
export function figureCards(view) {
  const { figures } = view.data.area;
  const shown = CARDS.filter(({ figure }) => figures[figure] && figures[figure].share != null);
  if (!shown.length) return { element: null, charts: [] };
  /** @type {ChartPart[]} */
  const charts = [];
  const element = el("div", { class: "cards" });
  for (const card of shown) {
    const chart = peersChart(view, card.figure);
    if (chart) charts.push(chart);
    element.append(figureCard(view, card, chart));
  }
  element.style.setProperty("--cards", String(Math.min(8, Math.max(4, shown.length))));
  return { element, charts };
}

/** @param {DashboardView} view @param {FigureCard} card @param {ChartPart | null} chart */
function figureCard({ t, formats, data, config, state }, card, chart) {
  const { figures } = data.area;
  const figure = figures[card.figure];
  const name = figureText(t, card.figure);
  const element = el("section", { class: "tile" }, el("h2", {}, name));
  if (figure.met != null) element.classList.add(figure.met ? "met" : "short");
  element.append(el("strong", {}, formats.percent.format(figure.share || 0)));
  if (figure.target != null) {
    element.append(
      el("span", { class: "goal" }, `${t.goal} ${formats.percent.format(figure.target)}`),
    );
  }
  element.append(shareBar(figure));
  if (card.layer && figure.target != null) {
    element.append(missingLine({ t, formats, config, state }, card, figure));
  } else if (card.figure.startsWith("service_requests")) element.append(el("p", {}, t.last_months));
  for (const [owner, label] of [
    ["public", t.of_public],
    ["industry", t.of_industry],
  ]) {
    const part = figures[`${card.figure}/${owner}`];
    if (part && part.share != null) {
      element.append(el("p", {}, `${label} ${formats.percent.format(part.share)}`));
    }
  }
  if (chart) element.append(chart.element);
  const { language, run } = config;
  const map = figureMapLink(language, card.figure, state.area);
  const runText = `${t.run} ${run}`;
  const runLink = { href: `/runs/${run}?lang=${language}`, "aria-label": `${name}: ${runText}` };
  element.append(
    el(
      "p",
      { class: "run" },
      el("a", { href: map, "aria-label": `${name}: ${t.on_map}` }, t.on_map),
      " · ",
      el("a", runLink, runText),
    ),
  );
  return element;
}

/**
 * @param {Pick<DashboardView, "t" | "formats" | "config" | "state">} view
 * @param {FigureCard} card
 * @param {Figure} figure
 */
function missingLine({ t, formats, config, state }, card, figure) {
  const { layer, aspect, issue } = card;
  const missing = Math.round(figure.denominator - figure.numerator);
  const href = issuesLink(config.language, { layer, aspect, issue }, state.area);
  const text = `${t.missing} ${formats.integer.format(missing)}`;
  return el(
    "p",
    {},
    missing > 0 ? el("a", { href }, text) : t.met,
    ` / ${formats.integer.format(figure.denominator)}`,
  );
}

/**
 * Return a bar of the length of a share, with a tick at its target.
 *
 * @param {Figure} figure
 */
export function shareBar(figure) {
  const kind = figure.met == null ? "" : figure.met ? " met" : " short";
  const fill = el("i", {});
  fill.style.width = `${Math.max(0, Math.min(1, figure.share || 0)) * 100}%`;
  const bar = el("div", { class: `bar${kind}` }, fill);
  if (figure.target != null) {
    const tick = el("b", {});
    tick.style.left = `calc(${figure.target * 100}% - 1px)`;
    bar.append(tick);
  }
  return bar;
}

/**
 * Return a chart with one bar per area, the best first, and the target as a line.
 *
 * @param {DashboardView} view
 * @param {string} figure
 * @returns {ChartPart | null}
 */
function peersChart({ t, formats, data, config }, figure) {
  const peers = data.areas
    .filter((row) => row.code)
    .map((row) => ({ row, value: figureValue(row.figures, figure) }))
    .filter((peer) => peer.value != null)
    .sort((a, b) => Number(b.value) - Number(a.value));
  if (peers.length < 2) return null;
  const figures = peers.slice(0, 30).map(({ row, value }) => {
    const name = localName(row, config.language) || row.code || t.no_area;
    return `${name} ${formats.percent.format(Number(value))}`;
  });
  const label = `${figureText(t, figure)}: ${figures.join(", ")}`;
  const element = el("div", { class: "spark", role: "img", "aria-label": label });
  const steps = peers.map((_, k) => k);
  const target = data.area.figures[figure].target ?? null;
  const values = peers.map((peer) => peer.value);
  const rows = /** @type {uPlot.AlignedData} */ ([steps, values, steps.map(() => target)]);
  return {
    element,
    draw: () => new uPlot(peersOptions(element.clientWidth, peers.length), rows, element),
  };
}

/** @param {number} width @param {number} count @returns {uPlot.Options} */
function peersOptions(width, count) {
  return {
    width: Math.max(60, width),
    height: 40,
    padding: [2, 0, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: [-0.6, count - 0.4] }, y: { range: [0, 1] } },
    axes: [{ show: false }, { show: false }],
    series: [
      {},
      {
        stroke: CHART.muted,
        fill: CHART.muted,
        width: 0,
        paths: bars(0.8, 26),
        points: { show: false },
      },
      { stroke: CHART.ink, width: 1, points: { show: false } },
    ],
  };
}
