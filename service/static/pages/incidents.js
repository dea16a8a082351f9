/* The incidents page: incidents of any period as heat map, density, hot spots and change, with
   charts beside the map. One filter drives all of it and lives in the address. */

import { listen } from "../lib/api.js";
import { readChoice } from "../lib/category_choice.js";
import { countUp, el } from "../lib/dom.js";
import { categoryText } from "../lib/format.js";
import { denominators, sumByLevel } from "../lib/incident_rates.js";
import { createAreaFilter } from "../map/area_filter.js";
import { fail } from "../map/failure.js";
import { showOutlines } from "../map/outlines.js";
import { showPulse } from "../map/pulse.js";
import { showTree } from "./incidents_categories.js";
import { showCharts } from "./incidents_charts.js";
import { createControls, createParts, fillPanel } from "./incidents_controls.js";
import { createLayers, loadHeat, showLevel, watchHeat, watchShapes } from "./incidents_layers.js";
import {
  createPeriod,
  makeSteps,
  periodQuery,
  showPeriod,
  shownSteps,
  stopPlay,
  togglePlay,
  watchPeriod,
} from "./incidents_period.js";
import { paint, showRanking } from "./incidents_shading.js";

const CHARTS_MS = 120; // delay of the charts after the slider stops

/**
 * Show the page.
 *
 * @param {MapContext} context
 * @returns {PageSummary}
 */
export function showIncidents(context) {
  const { t, client, config, layers } = context;
  // Requested before the tiles that they colour.
  const ground = Promise.all([
    client.get("grids/values", { measure: "population" }),
    context.areas,
  ]);
  const view = createView(context, () => page.update());
  const page = createUpdates(view, ground);
  fillPanel(view, () => (view.period.steps.length ? { ...periodQuery(view) } : {}));
  watchPeriod(view, page.update);
  view.layers = createLayers(view);
  const { heatGroup } = view.layers;
  const hasHeat = context.urlState.get("heat") !== "0";
  layers.add(heatGroup, t.heat, hasHeat ? "now" : "chosen");
  heatGroup.on("add remove", () => onHeatToggle(view));
  watchShapes(view, view.layers);
  watchHeat(view);
  if (config.period) {
    makeSteps(view);
    open(view, page.update, page.setStanding).catch((error) => fail(t, error));
  } else {
    view.layers.startDrawing();
    showOutlines(context, t.no_incidents_title, ["incidents"]).catch((error) => fail(t, error));
  }
  return { describe: () => describe(view), tileSets: ["grids", "areas"] };
}

/** @param {MapContext} context @param {() => void} update @returns {IncidentView} */
function createView(context, update) {
  const controls = createControls(context, {
    onStep: () => {
      stopPlay(view);
      makeSteps(view);
      update();
    },
    onChange: update,
    onMeasure: () => {
      paint(view);
      showRanking(view).catch((error) => fail(context.t, error));
    },
  });
  /** @type {IncidentView} */
  const view = {
    context,
    controls,
    parts: createParts(context.t),
    period: createPeriod(context.config.period),
    area: createAreaFilter(context, update),
    layers: null,
    areas: [],
    population: { codes: [], communities: [], values: [], ground_m2: [] },
    denominators: new Map(),
    counts: {},
    sums: {},
    classes: null,
    colourOf: () => null,
    categories: [],
    request: 0,
    timer: null,
    trendChart: null,
    charted: "",
    heatScope: null,
  };
  return view;
}

/** @param {IncidentView} view */
function onHeatToggle(view) {
  const { map, urlState, t } = view.context;
  const { layers } = view;
  urlState.set("heat", layers && map.hasLayer(layers.heatGroup) ? null : "0");
  setTimeout(() => {
    paint(view);
    loadHeat(view).catch((error) => fail(t, error));
  });
}

/**
 * Return a function that shows the present filter, and one that sets what the charts wait for.
 *
 * @param {IncidentView} view
 * @param {Promise<[GridValues, Area[]]>} ground
 */
function createUpdates(view, ground) {
  const { t } = view.context;
  /** @type {Promise<void>} */
  let standing = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let chartsTimer;

  /** @param {number} step */
  const pickStep = (step) => {
    view.period.at = step;
    update();
  };

  async function update() {
    const request = ++view.request;
    const isOld = () => request !== view.request;
    try {
      showPeriod(view);
      showControls(view);
      view.trendChart?.mark(...shownSteps(view));
      if (!(await loadFigures(view, ground, isOld))) return;
      view.layers?.startDrawing();
      await standing;
      if (isOld()) return;
      showRanking(view).catch((error) => fail(t, error));
      // The charts follow once the slider stops.
      clearTimeout(chartsTimer);
      const charts = () => showCharts(view, pickStep).catch((error) => fail(t, error));
      chartsTimer = setTimeout(charts, view.timer ? 0 : CHARTS_MS);
    } catch (error) {
      if (!isOld()) fail(t, error);
    } finally {
      view.layers?.startDrawing();
    }
  }

  return {
    update,
    /** @param {Promise<void>} promise fulfilled once the map is drawn */
    setStanding: (promise) => {
      standing = promise;
    },
  };
}

/** @param {IncidentView} view */
function showControls(view) {
  const { baseline, measure, level, show } = view.controls;
  const isDensity = show.value === "density";
  baseline.row.hidden = show.value !== "change";
  measure.row.hidden = !isDensity;
  level.select.disabled = !isDensity;
  // Hot spots and change are computed by grid.
  if (!isDensity) level.select.value = "grid";
  showLevel(view);
}

/**
 * Load and show the figures of the period; false if another request has overtaken this one.
 *
 * @param {IncidentView} view
 * @param {Promise<[GridValues, Area[]]>} ground
 * @param {() => boolean} isOld
 */
async function loadFigures(view, ground, isOld) {
  const { client, t } = view.context;
  const query = periodQuery(view);
  const classes = requestClasses(view, query);
  const counts = client.get("incidents/density", query);
  // The shading does not wait for the heat map.
  loadHeat(view).catch((error) => {
    if (!isOld()) fail(t, error);
  });
  const [density, gridClasses, [population, areas]] = await Promise.all([counts, classes, ground]);
  if (isOld()) return false;
  if (view.population !== population) {
    Object.assign(view, { population, areas, denominators: denominators(population, areas) });
  }
  view.counts = density.grids;
  view.classes = gridClasses;
  view.sums = sumByLevel(density.grids, population, areas, view.controls.level.value);
  showFigures(view, density);
  paint(view);
  document.body.dataset.period = `${query.from}/${query.until}`;
  document.body.dataset.total = String(density.total);
  countUp("updates");
  return true;
}

/**
 * @param {IncidentView} view
 * @param {IncidentQuery} query
 * @returns {Promise<GridClasses | null>}
 */
async function requestClasses({ context, controls }, query) {
  const { client, urlState } = context;
  const show = controls.show.value;
  if (show === "density") return null;
  if (show === "change") {
    return client.get("incidents/comparison", { ...query, baseline: controls.baseline.value });
  }
  // Hot spots are computed for all incidents and for each category of the first level.
  const chosen = readChoice(urlState.get("category"));
  const isRoot = chosen && chosen.length === 1 && !chosen[0].includes("/");
  return client.get("spatial-statistics/hot-spots", {
    kind: show,
    category: isRoot ? chosen[0] : "",
  });
}

/** @param {IncidentView} view @param {{total: number, outside: number}} density */
function showFigures({ context, controls, parts, classes }, { total, outside }) {
  const { t, formats } = context;
  const { integer, percent } = formats;
  parts.figures.replaceChildren(
    el("strong", {}, integer.format(total)),
    el("span", {}, t.in_period),
  );
  if (outside) {
    const count = el("strong", { class: "warn" }, integer.format(outside));
    parts.figures.append(count, el("span", {}, t.outside));
  }
  if (controls.show.value !== "change" || !classes) return;
  const { current = 0, previous = 0 } = classes;
  const rise = previous ? current / previous - 1 : null;
  const text = rise == null ? "–" : `${rise > 0 ? "+" : ""}${percent.format(rise)}`;
  const baseline = `${t.baseline_sum} (${integer.format(previous)})`;
  parts.figures.append(el("strong", {}, text), el("span", {}, baseline));
}

/** @param {IncidentView} view */
function describe({ context, controls, parts, area }) {
  const { t, urlState } = context;
  const chosen = readChoice(urlState.get("category"));
  const categories = (chosen || []).map((path) => categoryText(t, path)).join(", ");
  const period = parts.periodText.textContent;
  const texts = [t[`show_${controls.show.value}`], period, categories, area.text()];
  return texts.filter(Boolean).join(" · ");
}

/**
 * @param {IncidentView} view
 * @param {() => Promise<void>} update
 * @param {(standing: Promise<void>) => void} setStanding
 */
async function open(view, update, setStanding) {
  const { context, controls, layers } = view;
  const { client, t, isVideoWall, isSaved, map } = context;
  if (!layers) return;
  setStanding(context.layers.lead(controls.level.value === "grid" ? layers.byGrid : layers.byArea));
  // The counts are requested before the tiles.
  const first = update();
  context.layers.add(layers.shading, t.density, "now");
  await first;
  view.categories = (await client.get("incidents/categories")).categories;
  showTree(view, update);
  context.layers.finish();
  if (isVideoWall) togglePlay(view, update);
  if (isSaved) return;
  listen(client, {
    incident: (event) => showPulse(map, event, categoryText(t, event.category || "other")),
  });
}
