/* Legends and cards of figures. */

import { el } from "../lib/dom.js";

/**
 * Return a table of names and values; rows without a value are left out.
 *
 * @param {string} title
 * @param {readonly (readonly [string, string | number | null | undefined])[]} rows
 */
export function figureTable(title, rows) {
  const table = el("table", { class: "card" }, el("caption", {}, title));
  for (const [name, value] of rows) {
    if (value == null || value === "") continue;
    table.append(el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, String(value))));
  }
  return table;
}

/**
 * Return a line of a legend.
 *
 * @param {string} colour
 * @param {string} text
 * @param {string | null} [count]
 * @param {"swatch" | "round"} [shape]
 */
export function swatch(colour, text, count = null, shape = "swatch") {
  const mark = el("span", { class: shape });
  mark.style.background = colour;
  const number = count == null ? null : el("span", { class: "number" }, count);
  return el("li", {}, mark, el("span", {}, text), number);
}

/**
 * Return the text of a class.
 *
 * @param {readonly number[]} breaks at least one
 * @param {number} index
 * @param {Intl.NumberFormat} format
 */
export function classText(breaks, index, format) {
  if (index === 0) return `< ${format.format(breaks[0])}`;
  if (index === breaks.length) return `≥ ${format.format(breaks[index - 1])}`;
  return `${format.format(breaks[index - 1])} – ${format.format(breaks[index])}`;
}

/**
 * Return the legend of classes with how many values each has. Without breaks all values are the
 * same: one class, named by them.
 *
 * @param {object} classes
 * @param {readonly number[]} classes.breaks
 * @param {readonly string[]} classes.colours one more than breaks
 * @param {Intl.NumberFormat} classes.format
 * @param {readonly number[]} classes.counts
 * @param {number | null} [classes.only] the value of all
 * @param {Intl.NumberFormat} integer
 */
export function classLegend({ breaks, colours, format, counts, only }, integer) {
  const list = el("ul", { class: "legend" });
  if (!breaks.length) {
    if (counts.length && only != null) {
      list.append(swatch(colours[0], format.format(only), integer.format(counts[0])));
    }
    return list;
  }
  for (let k = 0; k <= breaks.length; k++) {
    list.append(swatch(colours[k], classText(breaks, k, format), integer.format(counts[k] || 0)));
  }
  return list;
}
