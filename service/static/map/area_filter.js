/* The hierarchy of areas as lists, one a level; the chosen area lives in the address. */

import { el, selectedText } from "../lib/dom.js";
import { localName } from "../lib/format.js";
import { fail } from "./failure.js";
import { focusArea } from "./view.js";

const LEVELS = ["subdistrict", "community"];

/**
 * Return the filter by area.
 *
 * @param {MapContext} context
 * @param {(code: string) => void} onChange code of the area, "" for all
 * @returns {AreaFilter}
 */
export function createAreaFilter(context, onChange) {
  const { t, urlState, areas } = context;
  const element = el("div", { class: "areas" });
  const selects = LEVELS.map((level) =>
    el("select", { id: `area-${level}`, "aria-label": t[level] }),
  );
  /** @type {readonly Area[]} */
  let known = [];

  /** @param {string} code */
  function choose(code) {
    urlState.set("area", code);
    fillLists(context, selects, known, code);
    focusArea(context, known, code);
    onChange(code);
  }

  LEVELS.forEach((level, k) => {
    const label = el("label", { for: `area-${level}` }, t[level]);
    element.append(el("div", { class: "row" }, label, selects[k]));
    selects[k].addEventListener("change", () => {
      choose(selects[k].value || (k ? selects[0].value : ""));
    });
  });
  areas
    .then((loaded) => {
      known = loaded;
      fillLists(context, selects, known, urlState.get("area") || "");
    })
    .catch((error) => fail(t, error));
  const text = () =>
    selects
      .filter((one) => one.value)
      .map(selectedText)
      .join(" › ");
  return { element, choose, text };
}

/**
 * @param {MapContext} context
 * @param {readonly HTMLSelectElement[]} selects
 * @param {readonly Area[]} areas
 * @param {string} code
 */
function fillLists({ t, language }, selects, areas, code) {
  const chosen = areas.find((area) => area.code === code);
  const isCommunity = chosen?.level === "community";
  const top = (isCommunity ? chosen?.parent : chosen?.level === "subdistrict" && chosen.code) || "";
  const values = [top, isCommunity ? code : ""];
  selects.forEach((select, k) => {
    const ofLevel = areas.filter((area) => area.level === LEVELS[k]);
    const offered = k && top ? ofLevel.filter((area) => area.parent === top) : ofLevel;
    select.replaceChildren(
      el("option", { value: "" }, t.whole),
      ...offered.map((area) => el("option", { value: area.code }, localName(area, language))),
    );
    select.value = values[k];
    // A level without areas has nothing to choose.
    const row = /** @type {HTMLElement} */ (select.parentElement);
    row.hidden = !ofLevel.length;
  });
}
