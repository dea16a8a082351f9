/* The base map: water and parks, streets, buildings, boundaries, out of the service's own tiles. */

import { BASE_MAP } from "../lib/colours.js";
import { vectorTiles } from "./vector_tiles.js";

/** @type {Record<string, number>} by class of street, pixels at zoom 14 */
const STREET_WIDTHS = { motorway: 5, trunk: 4, primary: 3, secondary: 2, local: 1.2, lane: 0.8 };
/** @type {Record<string, number>} by level of area, pixels */
const BOUNDARY_WIDTHS = { district: 3, subdistrict: 2, community: 0.8 };

/** @type {TileStyles} */
const STYLES = {
  landcover: (feature) => ({
    fill: true,
    weight: 0,
    fillOpacity: 1,
    fillColor: BASE_MAP.landcover[feature.class] || BASE_MAP.otherLand,
  }),
  streets: (feature, zoom) => ({
    color: BASE_MAP.streets[feature.class] || BASE_MAP.otherStreet,
    weight: (STREET_WIDTHS[feature.class] || 1.2) * Math.pow(1.45, Math.max(0, zoom - 14)),
  }),
  buildings: (feature, zoom) => ({
    fill: true,
    fillColor: feature.height_m >= 30 ? BASE_MAP.tallBuilding : BASE_MAP.building,
    fillOpacity: 1,
    color: BASE_MAP.buildingEdge,
    weight: zoom >= 16 ? 0.7 : 0,
  }),
  areas: (feature) => ({
    fill: false,
    color: BASE_MAP.boundary,
    dashArray: feature.level === "community" ? "3 4" : null,
    weight: BOUNDARY_WIDTHS[feature.level] || 1,
    opacity: 0.8,
  }),
};

/** @type {TileStyles} */
const PLAIN_STYLES = {
  landcover: { fill: true, weight: 0, fillOpacity: 0.6, fillColor: BASE_MAP.landcover.green },
  streets: { color: BASE_MAP.plainStreet, weight: 1.5 },
  buildings: { fill: true, weight: 0, fillColor: BASE_MAP.building, fillOpacity: 1 },
  areas: { fill: false, color: BASE_MAP.boundary, weight: 1 },
};

/**
 * Return the base map of the map pages.
 *
 * @param {ApiClient} client
 * @param {string} tiles address of the tiles
 */
export function baseMap(client, tiles) {
  return vectorTiles(client, `${tiles}/base/{z}/{x}/{y}.pbf`, STYLES, { pane: "base" });
}

/**
 * Return a base map of few colours, as the background of a small map.
 *
 * @param {ApiClient} client
 * @param {string} tiles address of the tiles
 */
export function plainBaseMap(client, tiles) {
  return vectorTiles(client, `${tiles}/base/{z}/{x}/{y}.pbf`, PLAIN_STYLES);
}
