/* The layers of the incidents page: grids or areas in the colour of their figure, and the heat
   map. */

import { AREA_EDGE, HEAT_COLOURS, NO_FILL } from "../lib/colours.js";
import { localName } from "../lib/format.js";
import { heatMaximum, rateOf } from "../lib/incident_rates.js";
import { fail } from "../map/failure.js";
import { figureTable } from "../map/legend.js";
import { watchPointer } from "../map/pointer.js";
import { vectorTiles } from "../map/vector_tiles.js";
import { periodQuery } from "./incidents_period.js";

const HIDDEN_STYLE = { fill: false, stroke: false, weight: 0, opacity: 0, interactive: false };

/**
 * Return the layers, none of them on the map yet.
 *
 * @param {IncidentView} view
 * @returns {IncidentLayers}
 */
export function createLayers(view) {
  const { config, client, district, map } = view.context;
  let startDrawing = () => {};
  const after = new Promise((resolve) => {
    startDrawing = () => resolve(undefined);
  });
  const options = { pane: "shade", bounds: district.pad(0.03), after };
  /** @type {StyleFunction} */
  const style = (feature) => shapeStyle(view, feature);
  /** @param {string} set */
  const address = (set) => `${config.tiles}/${set}/{z}/{x}/{y}.pbf`;
  const byGrid = vectorTiles(client, address("grids"), { grids: style }, options);
  const byArea = vectorTiles(client, address("areas"), { areas: style }, options);
  const heat = L.heatLayer([], {
    radius: 16,
    blur: 14,
    minOpacity: 0.12,
    maxZoom: 14,
    gradient: Object.fromEntries(HEAT_COLOURS.map((colour, k) => [(k + 1) / 5, colour])),
  });
  const scaleHeat = () => {
    // The radius follows the ground within limits, so that the heat stays visible on large maps.
    const radius = Math.min(64, Math.max(12, 16 * Math.pow(2, map.getZoom() - 14)));
    heat.setOptions({ radius, blur: radius * 0.85 });
  };
  map.on("zoomend", scaleHeat);
  scaleHeat();
  const first = view.controls.level.value === "grid" ? byGrid : byArea;
  return {
    byGrid,
    byArea,
    shading: L.layerGroup([first]),
    heat,
    heatGroup: L.layerGroup([heat]),
    startDrawing,
  };
}

/** @param {IncidentView} view @param {FeatureProperties} feature */
function shapeStyle({ context, controls, layers, colourOf }, feature) {
  if (feature.level && feature.level !== controls.level.value) return HIDDEN_STYLE;
  const colour = colourOf(feature.code);
  const hasHeat =
    !!layers && context.map.hasLayer(layers.heat) && controls.show.value === "density";
  return {
    fill: true,
    weight: feature.level ? 1.2 : 0.8,
    color: AREA_EDGE,
    opacity: 0.6,
    fillColor: colour || NO_FILL,
    fillOpacity: colour ? (hasHeat ? 0.32 : 0.62) : 0.02,
  };
}

/**
 * Show the layer of the chosen level.
 *
 * @param {IncidentView} view
 */
export function showLevel({ layers, controls }) {
  if (!layers) return;
  const { shading, byGrid, byArea } = layers;
  const layer = controls.level.value === "grid" ? byGrid : byArea;
  if (shading.hasLayer(layer)) return;
  shading.clearLayers();
  shading.addLayer(layer);
}

/**
 * Request the points of the heat map: places in squares of a few pixels, in the visible extent
 * and a margin around it.
 *
 * @param {IncidentView} view
 */
export async function loadHeat(view) {
  const { context, layers, request } = view;
  const { map, client } = context;
  if (!layers || !map.hasLayer(layers.heatGroup)) return;
  const zoom = Math.round(map.getZoom());
  const cell = Math.max(1e-4, (360 / Math.pow(2, zoom) / 256) * 6);
  const box = outerBox(map.getBounds().pad(0.5));
  view.heatScope = { zoom, box };
  const bbox = box.map((degrees) => degrees.toFixed(2)).join(",");
  const query = { ...periodQuery(view), cell: cell.toPrecision(3), bbox };
  /** @type {{points: [number, number, number][]}} */
  const { points } = await client.get("incidents/points", query);
  if (request !== view.request) return;
  layers.heat.setOptions({ max: heatMaximum(points) });
  layers.heat.setLatLngs(points);
}

/** @param {L.LatLngBounds} bounds @returns {Box} the box around them in fiftieths of a degree */
function outerBox(bounds) {
  const low = [bounds.getWest(), bounds.getSouth()].map((v) => Math.round(v * 50 - 0.5) / 50);
  const high = [bounds.getEast(), bounds.getNorth()].map((v) => Math.round(v * 50 + 0.5) / 50);
  return [low[0], low[1], high[0], high[1]];
}

/**
 * Request the points of the heat map again when the map leaves their extent.
 *
 * @param {IncidentView} view
 */
export function watchHeat(view) {
  const { map, isSaved, t } = view.context;
  map.on("moveend", () => {
    const scope = view.heatScope;
    if (!scope || isSaved) return;
    const [west, south, east, north] = scope.box;
    const bounds = L.latLngBounds([south, west], [north, east]);
    if (Math.round(map.getZoom()) === scope.zoom && bounds.contains(map.getBounds())) return;
    loadHeat(view).catch((error) => fail(t, error));
  });
}

/**
 * Show tooltips of shapes under the pointer, and select an area on a click.
 *
 * @param {IncidentView} view
 * @param {IncidentLayers} layers
 */
export function watchShapes(view, { byArea, byGrid }) {
  const { context, area } = view;
  const { urlState } = context;
  /** @type {[string, TileLayer][]} */
  const hovered = [
    ["area", byArea],
    ["grid", byGrid],
  ];
  watchPointer(
    context,
    hovered,
    (kind, feature) => describeShape(view, kind, feature),
    (kind, feature) => {
      if (feature.level === "district") return;
      area.choose(kind === "area" ? feature.code : urlState.get("area") || "");
    },
  );
}

/** @param {IncidentView} view @param {string} kind @param {FeatureProperties} feature */
function describeShape(view, kind, feature) {
  const { context, controls, classes, sums, denominators } = view;
  const { t, formats, language } = context;
  const { integer, decimal } = formats;
  const isAreaShown = controls.level.value !== "grid";
  if ((kind === "area") !== isAreaShown || (feature.level && kind === "grid")) return null;
  const count = sums[feature.code] || 0;
  const denominator = denominators.get(feature.code);
  const perArea = rateOf(count, denominator, "per_km2");
  const perPerson = rateOf(count, denominator, "per_1000_people");
  const gridClass = classes?.grids?.[feature.code];
  const className = gridClass?.class ? t[`class_of_${gridClass.class}`] : null;
  return figureTable(localName(feature, language), [
    [t.count, integer.format(count)],
    [t.per_km2, perArea == null ? null : decimal.format(perArea)],
    [t.per_1000_people, perPerson == null ? t.no_data : decimal.format(perPerson)],
    [t[`show_${controls.show.value}`], className],
    [t.q_value, gridClass?.q_value == null ? null : decimal.format(gridClass.q_value)],
    [t.before, gridClass?.previous == null ? null : integer.format(gridClass.previous)],
    [t.since, gridClass?.since],
  ]);
}
