/* Names of areas on the map: sub-districts from afar, communities from near. */

import { el } from "../lib/dom.js";
import { localName } from "../lib/format.js";

/**
 * Draw the names of areas, and redraw them when the map has moved.
 *
 * @param {L.Map} map
 * @param {L.LayerGroup} group that they are drawn into
 * @param {readonly Area[]} areas
 * @param {string} language
 */
export function showAreaNames(map, group, areas, language) {
  function draw() {
    group.clearLayers();
    const zoom = map.getZoom();
    const bounds = map.getBounds().pad(0.2);
    for (const area of areas) {
      const isShown =
        area.level === "subdistrict" ? zoom < 16 : area.level === "community" && zoom >= 15;
      if (isShown && bounds.contains([area.lat, area.lon])) nameMarker(area, language).addTo(group);
    }
  }
  map.on("moveend", draw);
  draw();
}

/** @param {Area} area @param {string} language */
function nameMarker(area, language) {
  const label = el("span", { class: `place-name ${area.level}` }, localName(area, language));
  const icon = L.divIcon({ className: "", html: label, iconSize: [0, 0] });
  const options = { icon, interactive: false, keyboard: false, pane: "names" };
  return L.marker([area.lat, area.lon], options);
}
