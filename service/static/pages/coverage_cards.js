/* The cards of a grid and of a camera. */

import { stepChart } from "../lib/charts.js";
import { CAMERA_COLOURS, CHART, HIDDEN, SELECTION, VIEW } from "../lib/colours.js";
import { button, el } from "../lib/dom.js";
import { fillIn, localName } from "../lib/format.js";
import { figureTable, swatch } from "../map/legend.js";
import { boundsOf } from "../map/view.js";

const CHART_HEIGHT = 110;
const MAX_CAMERAS = 60;

/**
 * Show the card of a grid.
 *
 * @param {CoverageView} view
 * @param {string} code
 */
export async function openGrid(view, code) {
  const { map, client, drawer, urlState, language } = view.context;
  urlState.set("grid", code);
  const grid = await client.get(`grids/${encodeURIComponent(code)}/card`);
  drawer.show(
    `grid ${code}`,
    el("h2", {}, localName(grid, language)),
    gridFigures(view.context, grid),
    ...monthsChart(view.context, grid),
    ...coverageTrend(view.context, grid),
    staffTable(view.context, grid),
    ...assumptions(view.context, grid),
    ...camerasOf(view, grid),
  );
  const bounds = boundsOf(grid.bbox);
  view.layers?.outline.setStyle({ color: SELECTION }).setBounds(bounds).addTo(map);
  if (!map.getBounds().intersects(bounds)) {
    map.fitBounds(bounds, { maxZoom: 17, padding: [60, 60] });
  }
}

/** @param {MapContext} context @param {GridCard} grid */
function gridFigures({ t, formats, language }, grid) {
  const { integer, decimal, percent } = formats;
  /** @param {Intl.NumberFormat} format @param {number | null} value @param {string} [unit] */
  const text = (format, value, unit = "") =>
    value == null ? null : `${format.format(value)}${unit}`;
  const night = grid.quality?.working?.night?.seen ?? null;
  const spots = `${integer.format(grid.blind_spots)} · ${integer.format(grid.blind_m2)} m²`;
  return figureTable(t.figures, [
    [t.code, grid.code],
    [t.subdistrict, localName(grid, language, "subdistrict_name")],
    [t.community, localName(grid, language, "community_name")],
    [t.population, text(integer, grid.population)],
    [t.area, text(integer, grid.area_m2, " m²")],
    [t.open_covered, text(percent, grid.open_covered_share) || t.no_data],
    [t.at_night, text(percent, night)],
    [t.covered, text(percent, grid.covered_share) || t.no_data],
    [t.seen_twice, text(percent, grid.twice_covered_share)],
    [t.blind_spots, grid.blind_spots ? spots : "0"],
    [t.risk_short, text(decimal, grid.risk)],
    [t.count, text(integer, grid.incidents)],
    [t.per_km2, text(decimal, grid.per_km2)],
  ]);
}

/** @param {MapContext} context @param {GridCard} grid */
function monthsChart({ t, formats }, grid) {
  const { months } = grid;
  if (months.length < 2) return [];
  const chart = stepChart(
    months.map((month) => month.month),
    [{ label: t.count, values: months.map((month) => month.count), bars: true }],
    { height: CHART_HEIGHT, format: formats.integer },
  );
  return [el("h3", {}, t.incidents_by_month), chart.element];
}

/** @param {MapContext} context @param {GridCard} grid */
function coverageTrend({ t, formats }, grid) {
  const { trend } = grid;
  if (!trend.length) return [];
  const title = el("h3", {}, t.coverage_by_run);
  if (trend.length === 1) {
    const [{ run, at, open_covered_share: value }] = trend;
    const share = value == null ? t.no_data : formats.percent.format(value);
    return [title, el("p", { class: "hint" }, `${t.run} ${run} · ${at.slice(0, 10)} · ${share}`)];
  }
  const values = trend.map((run) => run.open_covered_share);
  const chart = stepChart(
    trend.map((run) => run.at.slice(0, 10)),
    [{ label: t.open_covered, values, colour: CHART.share }],
    { height: CHART_HEIGHT, format: formats.percent, top: 1 },
  );
  return [title, chart.element];
}

/** @param {MapContext} context @param {GridCard} grid */
function staffTable({ t }, grid) {
  const { staff } = grid;
  if (!staff.length) return null;
  return figureTable(
    t.staff,
    staff.map(({ role, name, phone }) => [t[`role_${role}`], phone ? `${name} ${phone}` : name]),
  );
}

/** @param {MapContext} context @param {GridCard} grid */
function assumptions({ t, formats }, grid) {
  const text = fillIn(t.assumptions_line, {
    n: formats.integer.format(grid.assumed),
    all: formats.integer.format(grid.seen_by.length),
    run: grid.run == null ? "–" : String(grid.run),
  });
  return [el("h3", {}, t.assumptions), el("p", { class: "hint" }, text)];
}

/** @param {CoverageView} view @param {GridCard} grid */
function camerasOf(view, grid) {
  const { t, formats } = view.context;
  const cameras = grid.seen_by;
  if (!cameras.length) return [];
  const lines = cameras.slice(0, MAX_CAMERAS).map(({ code, name, status, inside }) => {
    const dot = el("span", { class: "round" });
    dot.style.background = CAMERA_COLOURS[status] || CAMERA_COLOURS.unknown;
    const where = el("span", { class: "amount" }, inside ? t.inside : t.looks_in);
    const open = () => openCamera(view, code);
    return el("li", {}, button({ onclick: open }, dot, el("span", {}, name || code), where));
  });
  const title = `${t.cameras} (${formats.integer.format(cameras.length)})`;
  return [el("h3", {}, title), el("ol", { class: "ranked cameras" }, ...lines)];
}

/**
 * Show the card of a camera, and on the map what it sees.
 *
 * @param {CoverageView} view
 * @param {string} code
 */
export async function openCamera(view, code) {
  const { context, layers } = view;
  const { client, drawer, t, map } = context;
  const path = `cameras/${encodeURIComponent(code)}`;
  const [camera, sight] = await Promise.all([client.get(path), client.get(`${path}/view`)]);
  drawer.show(
    `camera ${code}`,
    el("h2", {}, camera.name || camera.code),
    cameraFigures(context, camera),
    sightFigures(context, sight),
    el(
      "ul",
      { class: "legend" },
      swatch(VIEW, t.seen_ground),
      swatch(`${HIDDEN}66`, t.hidden_ground),
    ),
  );
  if (!layers) return;
  layers.cameraView.clearLayers();
  for (const name of ["seen", "hidden"]) {
    const geometry = sight[name];
    if (!geometry.coordinates.length) continue;
    const properties = { seen: name === "seen" };
    layers.cameraView.addData(/** @type {any} */ ({ type: "Feature", properties, geometry }));
  }
  const bounds = layers.cameraView.getBounds();
  if (bounds.isValid() && !map.getBounds().contains(bounds)) {
    map.fitBounds(bounds, { maxZoom: 18, padding: [60, 60] });
  }
}

/** @param {MapContext} context @param {any} camera */
function cameraFigures({ t }, camera) {
  const [latest] = camera.history;
  return figureTable(t.figures, [
    [t.code, camera.code],
    [t.kind, t[`camera_${camera.kind}`]],
    [t.status, t[`status_${camera.status}`]],
    [t.status_since, latest ? latest.since.slice(0, 10) : null],
    [t.network, camera.network == null ? null : camera.network ? t.yes : t.no],
    [t.point_class, t[`class_${camera.point_class}`]],
    [t.owner, camera.owner],
    [t.platform, camera.platform],
    [t.grids, camera.grid_name],
    [t.resolution, camera.pixels_wide == null ? null : `${camera.pixels_wide} px`],
    [t.installed_on, camera.installed_on],
    [t.upgraded_on, camera.upgraded_on],
    .../** @type {[string, string][]} */ (Object.entries(camera.extra || {})),
  ]);
}

/** @param {MapContext} context @param {any} sight */
function sightFigures({ t, formats }, sight) {
  const { integer } = formats;
  /** @param {string} name @param {string} unit */
  const parameter = (name, unit) => {
    const value = sight.parameters[name];
    if (value == null) return null;
    const assumed = sight.recorded[name] ? "" : ` (${t.assumed_word})`;
    return `${integer.format(value)}${unit}${assumed}`;
  };
  return figureTable(t.seen_and_hidden, [
    [t.seen_ground, `${integer.format(sight.seen_m2)} m²`],
    [t.hidden_ground, `${integer.format(sight.hidden_m2)} m²`],
    [t.bearing, parameter("bearing_deg", "°")],
    [t.fov, parameter("fov_deg", "°")],
    [t.range, parameter("range_m", " m")],
    [t.height, parameter("height_m", " m")],
  ]);
}
