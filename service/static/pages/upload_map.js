/* The first rows of a file that is previewed, on a small map. */

import { IMPORTED } from "../lib/colours.js";
import { el } from "../lib/dom.js";
import { plainBaseMap } from "../map/base_map.js";

/**
 * Return a map of sample rows of a file.
 *
 * @param {ApiClient} client
 * @param {HTMLElement} place
 * @param {any[]} sample GeoJSON features; the geometry may be null
 */
export function drawSample(client, place, sample) {
  const map = L.map(place, { attributionControl: false, preferCanvas: true, maxZoom: 18 });
  plainBaseMap(client, "/tiles").addTo(map);
  const features = sample.filter((feature) => feature.geometry);
  if (!features.length) {
    map.setView([35, 105], 4);
    return map;
  }
  const rows = L.geoJSON(/** @type {any} */ ({ type: "FeatureCollection", features }), {
    style: { color: IMPORTED, weight: 1.5, fillOpacity: 0.2 },
    pointToLayer: (_, at) =>
      L.circleMarker(at, {
        radius: 5,
        color: "#fff",
        weight: 1,
        fillColor: IMPORTED,
        fillOpacity: 0.9,
      }),
    onEachFeature: ({ properties }, layer) => {
      const name = properties.name || properties.code || properties.source_id || "";
      layer.bindTooltip(() => el("span", {}, String(name)));
    },
  }).addTo(map);
  map.fitBounds(rows.getBounds(), { maxZoom: 16, animate: false });
  return map;
}
