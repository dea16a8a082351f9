/* The choices of the coverage page, and the figures that they ask for. */

import { createChoice } from "../map/choice.js";

const IMAGES = [
  "seen",
  "2025.overview",
  "2025.outline",
  "2025.discern",
  "2025.perceive",
  "2025.characterise",
  "2025.validate",
  "2025.scrutinise",
  "2014.detect",
  "2014.observe",
  "2014.recognise",
  "2014.identify",
];
const GROUPS = ["working", "all", "public", "industry", "private"];

/**
 * Return the choices.
 *
 * @param {MapContext} context
 * @param {{onMeasure: () => void, onClasses: () => void, onOrder: () => void}} actions
 * @returns {CoverageControls}
 */
export function createControls({ t, urlState }, { onMeasure, onClasses, onOrder }) {
  /**
   * @param {string} key
   * @param {string} label
   * @param {[string, string][]} options
   * @param {() => void} action
   */
  const choice = (key, label, options, action) =>
    createChoice(urlState, key, label, options, action);
  return {
    measure: choice("measure", t.measure, measureOptions(t), onMeasure),
    image: choice(
      "image",
      t.image,
      IMAGES.map((name) => [name, t[`image_${name.replace(".", "_")}`]]),
      onMeasure,
    ),
    light: choice(
      "light",
      t.light,
      ["day", "night"].map((name) => [name, t[`light_${name}`]]),
      onMeasure,
    ),
    group: choice(
      "cameras",
      t.which_cameras,
      GROUPS.map((name) => [name, t[`group_${name}`]]),
      onMeasure,
    ),
    classes: choice(
      "classes",
      t.classes,
      ["natural", "quantile", "equal"].map((name) => [name, t[name]]),
      onClasses,
    ),
    number: choice(
      "number",
      t.class_number,
      ["5", "4", "3"].map((name) => [name, name]),
      onClasses,
    ),
    order: choice(
      "by",
      t.worst_by,
      ["area", "risk"].map((name) => [name, t[`by_${name}`]]),
      onOrder,
    ),
  };
}

/** @param {Texts} t @returns {[string, string][]} */
function measureOptions(t) {
  return [
    ["open_covered_share", t.open_ground],
    ["covered_share", t.all_ground],
    ["twice_covered_share", t.twice],
    ["risk", t.risk],
  ];
}

/**
 * Request the figures of the grids. Image class, light and camera group apply to one measure only,
 * and image classes to working cameras only.
 *
 * @param {MapContext} context
 * @param {CoverageControls} controls
 * @returns {Promise<GridValues>}
 */
export function requestValues({ client, urlState }, { measure, image, light, group }) {
  const isOpen = measure.value === "open_covered_share";
  for (const choice of [image, light, group]) choice.select.disabled = !isOpen;
  if (image.value !== "seen" && group.value !== "working" && isOpen) {
    group.select.value = "working";
    urlState.set("cameras", null);
  }
  const details = { image: image.value, light: light.value, cameras: group.value };
  return client.get("grids/values", { measure: measure.value, ...(isOpen ? details : {}) });
}
