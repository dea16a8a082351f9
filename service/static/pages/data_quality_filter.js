/* The filter of issues: register, aspect, owner and area as lists. */

import { ASPECT_COLOURS } from "../lib/colours.js";
import { el } from "../lib/dom.js";
import { localName } from "../lib/format.js";

const WIDE_SPACE = "\u3000"; // indents the names of an area's parts

/**
 * Return whether a row of the counts matches the filter, apart from its issue.
 *
 * @param {IssueFilter} filter
 * @param {IssueCount} row
 */
export function matchesFilter({ layer, aspect, owner }, row) {
  return (
    (!layer || row.layer === layer) &&
    (!aspect || row.aspect === aspect) &&
    (!owner || row.owner === owner)
  );
}

/**
 * Return the lists.
 *
 * @param {MapContext} context
 * @param {IssueFilter} filter that they change
 * @param {(key: keyof IssueFilter) => void} onChange
 */
export function createFilter(context, filter, onChange) {
  const { t, language } = context;
  /** @type {[keyof IssueFilter, string, string][]} key, label, and the option for everything */
  const keys = [
    ["layer", t.register, t.all_layers],
    ["aspect", t.aspect, t.all_aspects],
    ["owner", t.owner, t.all_owners],
    ["area", t.area_name, t.whole],
  ];
  const selects = keys.map(([key]) => el("select", { id: `pick-${key}` }));
  const rows = keys.map(([key, label], k) => {
    selects[k].addEventListener("change", () => {
      filter[key] = selects[k].value;
      onChange(key);
    });
    return el("div", { class: "row" }, el("label", { for: `pick-${key}` }, label), selects[k]);
  });
  return {
    rows,
    /** @param {IssueCount[]} counts @param {readonly Area[]} areas */
    fill(counts, areas) {
      const options = filterOptions(t, language, filter, counts, areas);
      keys.forEach(([key, , everything], k) => {
        fillList(selects[k], everything, options[k], filter[key]);
        if (selects[k].value !== filter[key]) {
          // The address names a value that does not exist.
          filter[key] = "";
          selects[k].value = "";
        }
      });
      rows[3].hidden = !options[3].length;
    },
  };
}

/**
 * @param {HTMLSelectElement} select
 * @param {string} everything
 * @param {string[][]} options
 * @param {string} value
 */
function fillList(select, everything, options, value) {
  select.replaceChildren(
    el("option", { value: "" }, everything),
    ...options.map(([one, text]) => el("option", { value: one }, text)),
  );
  select.value = value;
}

/**
 * @param {Texts} t
 * @param {string} language
 * @param {IssueFilter} filter
 * @param {IssueCount[]} counts
 * @param {readonly Area[]} areas
 */
function filterOptions(t, language, filter, counts, areas) {
  /** @param {string} code */
  const areaName = (code) => {
    const area = areas.find((one) => one.code === code);
    return area ? localName(area, language) : code;
  };
  const layers = unique(counts.map((row) => row.layer));
  const ofLayer = counts.filter((row) => !filter.layer || row.layer === filter.layer);
  const owners = unique(ofLayer.map((row) => row.owner).filter(Boolean)).sort();
  return [
    layers.map((name) => [name, t[`layer_${name}`] || name]),
    Object.keys(ASPECT_COLOURS).map((name) => [name, t[`aspect_${name}`]]),
    owners.map((name) => [name, t[`kind_${name}`] || areaName(name)]),
    offeredAreas(areas, filter.area).map((area) => [
      area.code,
      WIDE_SPACE.repeat(indentOf(area.level)) + localName(area, language),
    ]),
  ];
}

/** @param {readonly string[]} values */
function unique(values) {
  return [...new Set(values)];
}

/** @param {string} level */
function indentOf(level) {
  return { subdistrict: 1, community: 2 }[level] || 0;
}

/**
 * Return the areas to choose from: communities only of the selected sub-district.
 *
 * @param {readonly Area[]} areas
 * @param {string} code of the chosen area
 */
function offeredAreas(areas, code) {
  const chosen = areas.find((area) => area.code === code);
  const parent = chosen?.level === "community" ? chosen.parent : code;
  return areas.filter((area) => area.level !== "community" || (code && area.parent === parent));
}
