/* Something that happens now, as a ring on the map that spreads for a while. */

import { countUp } from "../lib/dom.js";

const SHOWN_MS = 30000;

/**
 * Show an event at a place.
 *
 * @param {L.Map} map
 * @param {{lat: number | null, lon: number | null}} event events without a place are not shown
 * @param {string} text
 */
export function showPulse(map, { lat, lon }, text) {
  if (lat == null || lon == null) return;
  const icon = L.divIcon({ className: "pulse", iconSize: [22, 22] });
  const mark = L.marker([lat, lon], { icon, keyboard: false, alt: text, title: text }).addTo(map);
  countUp("pulses");
  setTimeout(() => mark.remove(), SHOWN_MS);
}
