/* Cameras that see a place, nearest first: by a button or the context menu of the map. */

import { SIGHT_LINE } from "../lib/colours.js";
import { button, countUp, el, headingRow, svg } from "../lib/dom.js";
import { placeBehind } from "../lib/geodesy.js";
import { fail } from "./failure.js";

const MAX_CAMERAS = 50;

/**
 * Add the button and the context menu to a map.
 *
 * @param {MapContext} context
 */
export function addSighting(context) {
  const { map, t, clicks } = context;
  const lines = L.layerGroup().addTo(map);
  let isAsking = false;
  const control = button({
    class: "who-sees",
    title: t.who_sees,
    "aria-label": t.who_sees,
    "aria-pressed": "false",
  });
  control.append(eyeIcon());

  /** @param {boolean} pressed */
  function setAsking(pressed) {
    isAsking = pressed;
    control.setAttribute("aria-pressed", String(pressed));
  }

  /** @param {L.LeafletMouseEvent} event */
  const ask = (event) => showSighting(context, lines, event.latlng);
  const task = { onClick: ask, onEnd: () => setAsking(false) };
  control.addEventListener("click", () => {
    if (isAsking) return clicks.start(null);
    clicks.start(task);
    return setAsking(true);
  });
  const Control = L.Control.extend({
    onAdd() {
      const box = el("div", { class: "leaflet-bar" }, control);
      L.DomEvent.disableClickPropagation(box);
      return box;
    },
  });
  new Control({ position: "topright" }).addTo(map);
  map.on("contextmenu", ask);
  map.on("popupclose", () => {
    lines.clearLayers();
  });
}

function eyeIcon() {
  const icon = svg("svg", {
    viewBox: "0 0 24 24",
    width: 20,
    height: 20,
    "aria-hidden": "true",
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 2,
  });
  const outline = svg("path", { d: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12z" });
  icon.append(outline, svg("circle", { cx: 12, cy: 12, r: 3 }));
  return icon;
}

/** @param {MapContext} context @param {L.LayerGroup} lines @param {L.LatLng} latlng */
async function showSighting({ map, t, formats, client }, lines, latlng) {
  const query = { lon: latlng.lng.toFixed(7), lat: latlng.lat.toFixed(7) };
  const cameras = /** @type {SeeingCamera[]} */ (
    await client.get("visibility/cameras", query).catch((error) => fail(t, error))
  );
  const content = cameras.length
    ? sightingTable(cameras, t, formats.integer)
    : el("p", { class: "sighted" }, t.seen_by_none);
  const popup = L.popup({ maxWidth: 420, maxHeight: 300 });
  popup.setLatLng(latlng).setContent(content).openOn(map);
  lines.clearLayers();
  for (const camera of cameras.slice(0, MAX_CAMERAS)) {
    const place = placeBehind(latlng, camera.bearing_deg, camera.distance_m);
    const style = { color: SIGHT_LINE, weight: 2, dashArray: "2 5" };
    L.polyline([place, latlng], { pane: "sight", interactive: false, ...style }).addTo(lines);
  }
  document.body.dataset.seen = String(cameras.length);
  countUp("sights");
}

/** @param {readonly SeeingCamera[]} cameras @param {Texts} t @param {Intl.NumberFormat} integer */
function sightingTable(cameras, t, integer) {
  const working = cameras.filter(({ status }) => ["working", "unknown"].includes(status)).length;
  const summary = t.seen_by
    .replace("{n}", integer.format(cameras.length))
    .replace("{working}", integer.format(working));
  const rows = cameras
    .slice(0, MAX_CAMERAS)
    .map((camera) =>
      el(
        "tr",
        {},
        el("td", {}, camera.name || camera.camera),
        el("td", {}, t[`status_${camera.status}`] || camera.status),
        el("td", { class: "n" }, `${integer.format(camera.distance_m)} m`),
        el("td", { class: "n" }, `${integer.format(camera.bearing_deg)}°`),
        el("td", { class: "n" }, camera.px_per_m == null ? "–" : integer.format(camera.px_per_m)),
      ),
    );
  const head = headingRow([t.cameras, t.status, t.distance, t.bearing, t.px_per_m]);
  const table = el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
  return el("div", { class: "sighted" }, el("p", {}, summary), table);
}
