/* A labelled drop-down list whose value lives in the address. */

import { el, selectList, selectedText } from "../lib/dom.js";

/**
 * Return a drop-down list; its first option is the default, which the address leaves out.
 *
 * @param {UrlState} urlState
 * @param {string} key in the address
 * @param {string} label
 * @param {readonly (readonly [string, string])[]} options value and text of each
 * @param {() => void} onChange
 * @returns {Choice}
 */
export function createChoice(urlState, key, label, options, onChange) {
  const id = `pick-${key}`;
  const [usual] = options[0];
  const wanted = urlState.get(key);
  const value = options.some(([one]) => one === wanted) ? wanted : usual;
  const select = selectList({ id }, options, value || usual);
  select.addEventListener("change", () => {
    urlState.set(key, select.value === usual ? null : select.value);
    onChange();
  });
  return {
    row: el("div", { class: "row" }, el("label", { for: id }, label), select),
    select,
    get value() {
      return select.value;
    },
    get text() {
      return selectedText(select);
    },
  };
}
