/* A planned camera: its mark on the map, what turns it, and its row in the list. */

import { button, el, selectList } from "../lib/dom.js";
import { bearingBetween, CAMERA_KINDS, PLAN_FIELDS } from "../lib/plan.js";

const ARM_PX = 38; // from a camera to what turns it

/**
 * Return the markers of a camera: one to drag it, and one to turn it if it has a direction.
 *
 * @param {Plan} plan
 * @param {PlannedCamera} camera
 * @param {number} index
 * @param {string} name
 */
export function cameraMarks(plan, camera, index, name) {
  const { map } = plan.context;
  const number = el("span", {}, String(index + 1));
  const icon = L.divIcon({ className: "plan-camera", iconSize: [22, 22], html: number });
  const options = { draggable: true, autoPan: true, title: name, alt: name, icon };
  const mark = L.marker([camera.lat, camera.lon], options);
  const hasDirection =
    camera.bearing_deg != null && (camera.fov_deg == null || camera.fov_deg < 360);
  const knob = hasDirection ? directionKnob(plan, camera, index, mark) : null;
  mark.on("drag", () => {
    const { lat, lng } = mark.getLatLng();
    Object.assign(camera, { lon: lng, lat });
    knob?.setLatLng(armEnd(map, mark.getLatLng(), camera.bearing_deg || 0));
    plan.moved();
  });
  return knob ? [knob, mark] : [mark];
}

/** @param {Plan} plan @param {PlannedCamera} camera @param {number} index @param {L.Marker} mark */
function directionKnob(plan, camera, index, mark) {
  const { map, t } = plan.context;
  const icon = L.divIcon({ className: "plan-knob", iconSize: [14, 14] });
  const place = () => armEnd(map, mark.getLatLng(), camera.bearing_deg || 0);
  const options = { draggable: true, keyboard: false, title: t.bearing, icon };
  const knob = L.marker(place(), options);
  knob.on("drag", () => {
    camera.bearing_deg = bearingBetween(mark.getLatLng(), knob.getLatLng());
    const row = plan.parts.list.children[index];
    const input = /** @type {HTMLInputElement} */ (row.querySelector("[name=bearing_deg]"));
    input.value = String(camera.bearing_deg);
    plan.moved();
  });
  knob.on("dragend", () => {
    knob.setLatLng(place());
  });
  return knob;
}

/**
 * Return the end of a camera's arm on the map; its length on the screen is constant.
 *
 * @param {L.Map} map
 * @param {L.LatLng} latlng
 * @param {number} bearing degrees clockwise from north
 */
function armEnd(map, latlng, bearing) {
  const angle = (bearing * Math.PI) / 180;
  const arm = L.point(ARM_PX * Math.sin(angle), -ARM_PX * Math.cos(angle));
  return map.layerPointToLatLng(map.latLngToLayerPoint(latlng).add(arm));
}

/**
 * Return the row of a camera in the list.
 *
 * @param {Plan} plan
 * @param {PlannedCamera} camera
 * @param {number} index
 * @param {string} name
 */
export function cameraRow(plan, camera, index, name) {
  const { t } = plan.context;
  const kind = selectList(
    { "aria-label": `${name}: ${t.kind}` },
    CAMERA_KINDS.map((one) => /** @type {[string, string]} */ ([one, t[`camera_${one}`]])),
    camera.kind,
  );
  kind.addEventListener("change", () => {
    camera.kind = kind.value;
    plan.changed();
  });
  const removal = { title: t.plan_remove, "aria-label": `${name}: ${t.plan_remove}` };
  const remove = () => {
    plan.cameras.splice(index, 1);
    plan.changed();
  };
  const fields = PLAN_FIELDS.map((field) => fieldInput(plan, camera, name, field));
  return el(
    "li",
    {},
    el(
      "div",
      { class: "row" },
      el("strong", {}, name),
      kind,
      el("span", { class: "amount" }, plan.areaTexts[index] || ""),
      button({ ...removal, onclick: remove }, "×"),
    ),
    el("div", { class: "plan-fields" }, ...fields),
  );
}

/**
 * @param {Plan} plan
 * @param {PlannedCamera} camera
 * @param {string} name
 * @param {readonly [PlanField, number, number]} field and its smallest and largest value
 */
function fieldInput(plan, camera, name, [field, min, max]) {
  const { t } = plan.context;
  const label = t[field.replace(/_(deg|m)$/, "")];
  const input = el("input", {
    type: "number",
    name: field,
    min,
    max,
    placeholder: t.plan_usual,
    value: camera[field] ?? "",
    "aria-label": `${name}: ${label}`,
  });
  input.addEventListener("change", () => {
    const value = Number(input.value);
    if (input.value === "" || !(value >= min && value <= max)) delete camera[field];
    else camera[field] = value;
    plan.changed();
  });
  return el("label", {}, label, input);
}
