/* The map itself: where it opens, its controls and panes, and its position in the address. */

import { el } from "../lib/dom.js";
import { readPosition } from "../lib/url_state.js";

/** @type {readonly (readonly [string, number])[]} name and order of each pane */
const PANES = [
  ["base", 210],
  ["shade", 390],
  ["views", 395],
  ["spots", 410],
  ["points", 420],
  ["sight", 444],
  ["plan", 445],
  ["names", 450],
];

/**
 * Set the view of the map from the address, else to the district, before the first tile request.
 *
 * @param {L.Map} map
 * @param {MapConfig} config
 * @param {UrlState} urlState
 */
export function setUpView(map, config, urlState) {
  const position = readPosition(urlState.get("at"));
  const district = L.latLngBounds(config.bounds);
  map.invalidateSize({ animate: false }); // the panel beside it has its width now
  if (position) map.setView([position[0], position[1]], position[2], { animate: false });
  else map.fitBounds(district, { padding: [12, 12], animate: false });
  addControls(map, config);
  for (const [name, order] of PANES) {
    const pane = map.createPane(name);
    pane.style.zIndex = String(order);
    // Only the map receives pointer events; it looks up the shapes of each layer.
    pane.style.pointerEvents = "none";
  }
  map.on("moveend", () => {
    const { lat, lng } = map.getCenter();
    urlState.set("at", `${lat.toFixed(5)},${lng.toFixed(5)},${map.getZoom()}`);
  });
  return { district, hasPosition: position != null };
}

/** @param {L.Map} map @param {MapConfig} config */
function addControls(map, { t, sources }) {
  const titles = { zoomInTitle: t.zoom_in, zoomOutTitle: t.zoom_out };
  L.control.zoom({ position: "topright", ...titles }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  map.attributionControl.addAttribution(t.own_data);
  for (const source of sources || []) {
    addAttribution(map, t.data_of.replace("{source}", source));
  }
}

/**
 * Add a line to the map's attribution. Leaflet expects HTML, so it is escaped here.
 *
 * @param {L.Map} map
 * @param {string} text
 */
export function addAttribution(map, text) {
  map.attributionControl.addAttribution(el("span", {}, text).outerHTML);
}

/**
 * Return a bounding box of a response as bounds of a map.
 *
 * @param {Box} bbox
 */
export function boundsOf([west, south, east, north]) {
  return L.latLngBounds([south, west], [north, east]);
}

/**
 * Fit the map to an area; null fits it to the district, an unknown code changes nothing.
 *
 * @param {Pick<MapContext, "map" | "district">} context
 * @param {readonly Area[]} areas
 * @param {string | null} code
 */
export function focusArea({ map, district }, areas, code) {
  const area = areas.find((one) => one.code === code);
  if (!area && !code) return;
  const bounds = area ? boundsOf(area.bbox) : district;
  map.fitBounds(bounds, { padding: [24, 24], animate: false });
}
