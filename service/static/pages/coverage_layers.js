/* The layers of the coverage page: grids by their figure, views, blind spots, cameras. */

import { BLIND_SPOT, GRID_EDGE, HIDDEN, NO_DATA, VIEW, VIEW_EDGE } from "../lib/colours.js";
import { localName } from "../lib/format.js";
import { cameraStyle } from "../map/camera_style.js";
import { figureTable } from "../map/legend.js";
import { watchPointer } from "../map/pointer.js";
import { vectorTiles } from "../map/vector_tiles.js";
import { openCamera, openGrid } from "./coverage_cards.js";
import { isRisk, isShown, measureFormat, valueColour } from "./coverage_figures.js";

const VIEWS_ZOOM = 14;
const SPOTS_ZOOM = 16; // from afar thousands of outlines are one red sheet: grids tell more there

/**
 * Return the style of grids by a figure.
 *
 * @param {CoverageView} view
 * @param {(code: string) => number | null | undefined} valueOf
 * @returns {StyleFunction}
 */
export function gridStyle(view, valueOf) {
  return (feature) => {
    // At low zooms the tiles contain areas of a higher level, which have one figure.
    const isArea = !!feature.level;
    const value = isArea ? feature.open_covered_share : valueOf(feature.code);
    const isChosen = isArea || isShown(view, feature.code);
    return {
      fill: true,
      weight: isChosen ? 1 : 0.4,
      color: GRID_EDGE,
      opacity: isChosen ? 0.7 : 0.3,
      fillOpacity: isChosen ? 0.55 : 0.04,
      fillColor: isArea && isRisk(view) ? NO_DATA : valueColour(view, value),
    };
  };
}

/** @type {StyleFunction} */
const viewStyle = (_, zoom) => ({
  fill: true,
  fillColor: VIEW,
  fillOpacity: zoom >= 15 ? 0.45 : 0.3,
  color: VIEW_EDGE,
  weight: 0.6,
  opacity: 0.8,
  stroke: zoom >= 15,
});

const SPOT_STYLE = {
  fill: true,
  color: BLIND_SPOT,
  weight: 1.2,
  opacity: 0.9,
  fillColor: BLIND_SPOT,
  fillOpacity: 0.25,
};
const SEEN_STYLE = { color: VIEW_EDGE, weight: 2, fillColor: VIEW, fillOpacity: 0.55 };
const HIDDEN_STYLE = {
  color: HIDDEN,
  weight: 1,
  dashArray: "3 3",
  fillColor: HIDDEN,
  fillOpacity: 0.28,
};

/**
 * Add the layers to the map.
 *
 * @param {CoverageView} view
 * @returns {CoverageLayers}
 */
export function addLayers(view) {
  const { map, config, client, district, layers, t, drawer } = view.context;
  const bounds = district.pad(0.03);
  /** @param {string} set @param {ShapeStyle | StyleFunction} style @param {object} options */
  const tiles = (set, style, options) => {
    const address = `${config.tiles}/${set}/{z}/{x}/{y}.pbf`;
    return vectorTiles(client, address, { [set]: style }, { bounds, ...options });
  };
  const style = gridStyle(view, (code) => view.valueOf.get(code));
  const statusOf = (/** @type {string} */ code) => view.statuses.get(code);
  const resting = { updateWhenIdle: true };
  const shade = tiles("grids", style, { pane: "shade" });
  const views = tiles("views", viewStyle, { pane: "views", minZoom: VIEWS_ZOOM, ...resting });
  const spots = tiles("blind-spots", SPOT_STYLE, {
    pane: "spots",
    minZoom: SPOTS_ZOOM,
    ...resting,
  });
  const cameras = tiles("cameras", cameraStyle(statusOf), { pane: "points", ...resting });
  layers.add(shade, t.grids, "now");
  if (config.views) layers.add(views, t.views, "later");
  layers.add(spots, t.blind_spots, "later");
  layers.add(cameras, t.cameras, "later");
  const cameraView = L.geoJSON(undefined, {
    pane: "sight",
    interactive: false,
    style: (feature) => (feature?.properties.seen ? SEEN_STYLE : HIDDEN_STYLE),
  }).addTo(map);
  const outline = L.rectangle(L.latLngBounds([0, 0], [0, 0]), {
    pane: "sight",
    interactive: false,
    color: BLIND_SPOT,
    weight: 2,
    dashArray: "6 4",
    fill: false,
  });
  drawer.onClose(() => {
    cameraView.clearLayers();
    outline.remove();
  });
  return { shade, spots, cameras, cameraView, outline };
}

/**
 * Show tooltips of shapes under the pointer, and open their card on a click.
 *
 * @param {CoverageView} view
 * @param {CoverageLayers} layers
 */
export function watchLayers(view, { cameras, spots, shade }) {
  const { context } = view;
  const { map, isSaved } = context;
  /** @type {[string, TileLayer][]} */
  const hovered = [
    ["camera", cameras],
    ["spot", spots],
    ["grid", shade],
  ];
  watchPointer(
    context,
    hovered,
    (kind, feature) => describeFeature(view, kind, feature),
    (kind, feature, latlng) => {
      const isCluster = kind === "camera" && feature.count != null;
      if (isCluster) map.setView(latlng, Math.min(18, map.getZoom() + 2));
      else if (isSaved) return;
      else if (kind === "camera") openCamera(view, feature.code);
      else if (kind === "spot") openGrid(view, feature.grid);
      else if (!feature.level) openGrid(view, feature.code);
    },
  );
}

/** @param {CoverageView} view @param {string} kind @param {FeatureProperties} feature */
function describeFeature(view, kind, feature) {
  const { t, formats, language } = view.context;
  if (kind === "camera") return describeCamera(view, feature);
  if (kind === "spot") {
    return figureTable(t.blind_spots, [
      [t.area, `${formats.integer.format(feature.area_m2)} m²`],
      [t.widest, `${formats.decimal.format(feature.widest_m)} m`],
    ]);
  }
  /** @param {number | null | undefined} value @param {Intl.NumberFormat} format */
  const text = (value, format) => (value == null ? t.no_data : format.format(value));
  const name = localName(feature, language);
  /** @type {[string, string]} */
  const open = [t.open_covered, text(feature.open_covered_share, formats.percent)];
  if (feature.level) return figureTable(name, [open]);
  return figureTable(name, [
    [view.controls.measure.text, text(view.valueOf.get(feature.code), measureFormat(view))],
    open,
    [t.covered, text(feature.covered_share, formats.percent)],
    [t.cameras_reach, feature.cameras],
  ]);
}

/** @param {CoverageView} view @param {FeatureProperties} feature one camera, or many */
function describeCamera({ context, statuses }, feature) {
  const { t, formats } = context;
  const { integer } = formats;
  if (feature.count == null) {
    const status = statuses.get(feature.code) || feature.status;
    return figureTable(feature.name || feature.code, [
      [t.kind, t[`camera_${feature.kind}`]],
      [t.status, t[`status_${status}`]],
    ]);
  }
  return figureTable(t.cameras, [
    [t.count_of, integer.format(feature.count)],
    [t.status_working, integer.format(feature.working)],
    [t.cameras_unknown_status, feature.unknown ? integer.format(feature.unknown) : null],
  ]);
}
