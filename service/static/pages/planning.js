/* Cameras that do not exist yet: put on the map, dragged, turned and changed; what they would see
   follows. They live in the address, or under a name as a scenario: nothing of it touches the
   registers. */

import { PLAN } from "../lib/colours.js";
import { button, downloadBlob, el, selectList } from "../lib/dom.js";
import {
  CAMERA_KINDS,
  decodePlan,
  encodePlan,
  MAX_CAMERAS,
  planCsv,
  planGeoJson,
} from "../lib/plan.js";
import { cameraRow, cameraMarks } from "./planning_cameras.js";
import { showGain, showNothing, showViews } from "./planning_gain.js";
import { createPlanRequests } from "./planning_requests.js";
import { scenariosBox } from "./planning_scenarios.js";

/**
 * Return the planning section of the panel.
 *
 * @param {MapContext} context
 */
export function planningBox(context) {
  const { t, map, hasPosition } = context;
  const plan = createPlan(context);
  const { parts } = plan;
  const requests = createPlanRequests(plan, {
    onViews: (views) => showViews(plan, views),
    onGain: (gain) => showGain(plan, gain),
    onNothing: () => showNothing(plan),
    onRest: () => keepInAddress(plan),
  });
  plan.changed = () => {
    drawCameras(plan);
    requests.gain();
  };
  plan.moved = () => requests.views();
  const scenarios = scenariosBox(plan);
  parts.box.append(
    el("summary", {}, t.plan),
    el("p", { class: "hint" }, t.plan_hint),
    el("div", { class: "row" }, placeButton(plan)),
    sitesRow(plan),
    parts.gain,
    parts.note,
    parts.list,
    parts.files,
    scenarios.element,
  );
  parts.files.append(...fileButtons(plan, scenarios.close));
  parts.box.addEventListener("toggle", () => {
    if (!parts.box.open) return;
    parts.box.scrollIntoView({ block: "start" });
    scenarios.list();
  });
  map.on("zoomend", () => drawCameras(plan));
  openPlan(plan, hasPosition);
  return parts.box;
}

/** @param {MapContext} context @returns {Plan} */
function createPlan(context) {
  const { t, layers } = context;
  const options = { pane: "plan", interactive: false };
  const edge = { color: PLAN.edge, weight: 1.5, dashArray: "4 3", fill: false };
  const area = { stroke: false, fillColor: PLAN.gain, fillOpacity: 0.45 };
  const views = L.geoJSON(undefined, { ...options, style: edge });
  const gained = L.geoJSON(undefined, { ...options, style: area });
  const marks = L.layerGroup();
  layers.add(L.layerGroup([gained, views, marks]), t.plan, "now");
  return {
    context,
    cameras: [],
    areaTexts: [],
    layers: { views, gained, marks },
    parts: {
      box: el("details", { class: "plan" }),
      gain: el("div", { class: "plan-result", role: "status" }),
      note: el("p", { class: "hint plan-note", role: "status" }),
      list: el("ol", { class: "plan-list" }),
      files: el("div", { class: "row plan-hand" }),
      kind: selectList(
        { id: "plan-kind", "aria-label": t.kind },
        CAMERA_KINDS.map((name) => /** @type {[string, string]} */ ([name, t[`camera_${name}`]])),
        "ptz",
      ),
    },
    changed: () => {},
    moved: () => {},
    say(text) {
      this.parts.note.textContent = text;
    },
  };
}

/** @param {Plan} plan @param {boolean} hasPosition whether the address says where the map opens */
function openPlan(plan, hasPosition) {
  plan.cameras = decodePlan(new URLSearchParams(location.search).get("plan"));
  plan.parts.box.open = plan.cameras.length > 0;
  if (!plan.cameras.length) {
    drawCameras(plan);
    return;
  }
  if (!hasPosition) {
    const bounds = planBounds(plan.cameras);
    plan.context.map.fitBounds(bounds, { maxZoom: 18, padding: [60, 60], animate: false });
  }
  plan.changed();
}

/**
 * Return the bounds of a plan.
 *
 * @param {readonly PlannedCamera[]} cameras
 */
function planBounds(cameras) {
  return L.latLngBounds(cameras.map((camera) => L.latLng(camera.lat, camera.lon)));
}

/** @param {Plan} plan */
function drawCameras(plan) {
  const { layers, parts, cameras, context } = plan;
  layers.marks.clearLayers();
  const rows = cameras.map((camera, k) => {
    const name = `${context.t.plan_camera} ${k + 1}`;
    for (const mark of cameraMarks(plan, camera, k, name)) mark.addTo(layers.marks);
    return cameraRow(plan, camera, k, name);
  });
  parts.list.replaceChildren(...rows);
  parts.files.hidden = !cameras.length;
}

/** @param {Plan} plan */
function keepInAddress({ cameras }) {
  const address = new URL(location.href);
  if (cameras.length) address.searchParams.set("plan", encodePlan(cameras));
  else address.searchParams.delete("plan");
  history.replaceState(null, "", address);
}

/** @param {Plan} plan a button, and then the click on the map that puts a camera there */
function placeButton(plan) {
  const { clicks, t } = plan.context;
  const control = button({ class: "plan-put" }, t.plan_put);
  let isPlacing = false;
  /** @param {boolean} placing */
  const setPlacing = (placing) => {
    isPlacing = placing;
    control.setAttribute("aria-pressed", String(placing));
    control.textContent = placing ? t.plan_click : t.plan_put;
  };
  const task = {
    onClick: (/** @type {L.LeafletMouseEvent} */ event) => placeCamera(plan, event.latlng),
    onEnd: () => setPlacing(false),
  };
  control.addEventListener("click", () => {
    if (isPlacing) return clicks.start(null);
    clicks.start(task);
    return setPlacing(true);
  });
  return control;
}

/** @param {Plan} plan @param {L.LatLng} latlng */
function placeCamera(plan, latlng) {
  const { cameras, parts, context } = plan;
  if (cameras.length >= MAX_CAMERAS) {
    plan.say(context.t.plan_full);
    return;
  }
  const kind = parts.kind.value;
  const direction = kind === "fixed" ? { bearing_deg: 0 } : {};
  cameras.push({ lon: latlng.lng, lat: latlng.lat, kind, ...direction });
  if (context.map.getZoom() < 16) context.map.setView(latlng, 17);
  plan.changed();
}

/** @param {Plan} plan the row that asks for the best sites */
function sitesRow(plan) {
  const { t } = plan.context;
  const number = el("input", {
    type: "number",
    id: "plan-number",
    min: 1,
    max: MAX_CAMERAS,
    value: 5,
  });
  const control = button({}, t.plan_best);
  control.addEventListener("click", async () => {
    control.disabled = true;
    plan.say(t.plan_searching);
    try {
      await findSites(plan, Math.max(1, Math.min(MAX_CAMERAS, Number(number.value) || 1)));
    } catch (error) {
      plan.say(/** @type {Error} */ (error).message);
    } finally {
      control.disabled = false;
    }
  });
  const label = el("label", { for: "plan-number" }, t.plan_next);
  return el("div", { class: "row" }, label, number, plan.parts.kind, control);
}

/** @param {Plan} plan @param {number} number */
async function findSites(plan, number) {
  const { client, urlState, map } = plan.context;
  const camera = { kind: plan.parts.kind.value };
  const query = { count: number, camera, area: urlState.get("area") };
  /** @type {{sites: {lon: number, lat: number, kind: string, bearing_deg: number}[]}} */
  const { sites } = await client.send("POST", "planning/sites", query);
  plan.cameras = sites.map(({ lon, lat, kind, bearing_deg: bearing }) => {
    const seesAround = kind === "ptz" || kind === "panoramic";
    return { lon, lat, kind, ...(seesAround ? {} : { bearing_deg: Math.round(bearing) % 360 }) };
  });
  plan.changed();
  if (sites.length) map.fitBounds(planBounds(plan.cameras).pad(0.2), { maxZoom: 17 });
}

/** @param {Plan} plan @param {() => void} onClear */
function fileButtons(plan, onClear) {
  const { t } = plan.context;
  const csv = () =>
    downloadBlob(new Blob([planCsv(plan.cameras)], { type: "text/csv" }), "plan.csv");
  const geojson = () => {
    const blob = new Blob([planGeoJson(plan.cameras)], { type: "application/geo+json" });
    downloadBlob(blob, "plan.geojson");
  };
  const copyLink = () => {
    navigator.clipboard?.writeText(location.href).then(() => plan.say(t.plan_copied));
  };
  const clear = () => {
    plan.cameras = [];
    onClear();
    plan.changed();
  };
  return [
    button({ onclick: csv }, "CSV"),
    button({ onclick: geojson }, "GeoJSON"),
    button({ onclick: copyLink }, t.plan_link),
    button({ onclick: clear }, t.plan_clear),
  ];
}
