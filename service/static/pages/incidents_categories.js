/* The tree of categories: a ticked box includes all below it. */

import {
  changeChoice,
  childrenOf,
  isChosen,
  isPartlyChosen,
  readChoice,
  writeChoice,
} from "../lib/category_choice.js";
import { button, el } from "../lib/dom.js";
import { categoryText } from "../lib/format.js";

/**
 * Show the tree.
 *
 * @param {IncidentView} view
 * @param {() => void} onChange
 */
export function showTree(view, onChange) {
  const { t, urlState } = view.context;
  const chosen = readChoice(urlState.get("category"));
  /** @param {readonly string[] | null} choice */
  const choose = (choice) => {
    urlState.set("category", writeChoice(choice));
    showTree(view, onChange);
    onChange();
  };
  const count = chosen
    ? t.categories_on.replace("{n}", String(chosen.length))
    : t.all_categories_on;
  view.parts.tree.replaceChildren(
    el("summary", {}, t.categories, " ", el("small", {}, count)),
    el(
      "p",
      { class: "row" },
      button({ onclick: () => choose(null) }, t.choose_all),
      button({ onclick: () => choose([]) }, t.choose_none),
    ),
    branch(view, chosen, "", choose),
  );
}

/**
 * @param {IncidentView} view
 * @param {readonly string[] | null} chosen
 * @param {string} parent
 * @param {(choice: readonly string[] | null) => void} choose
 * @returns {HTMLElement}
 */
function branch(view, chosen, parent, choose) {
  const children = childrenOf(view.categories, parent).sort((a, b) => b.count - a.count);
  return el("ul", {}, ...children.map((category) => leaf(view, chosen, category, choose)));
}

/**
 * @param {IncidentView} view
 * @param {readonly string[] | null} chosen
 * @param {Category} category
 * @param {(choice: readonly string[] | null) => void} choose
 */
function leaf(view, chosen, { path, count }, choose) {
  const { t, formats } = view.context;
  const box = el("input", { type: "checkbox", value: path });
  box.checked = isChosen(chosen, path);
  box.indeterminate = !box.checked && isPartlyChosen(chosen, path);
  box.addEventListener("change", () => {
    choose(changeChoice(view.categories, chosen, path, box.checked));
  });
  const name = categoryText(t, path);
  const number = el("span", { class: "number" }, formats.integer.format(count));
  const label = el("label", {}, box, el("span", {}, name), number);
  if (!childrenOf(view.categories, path).length) return el("li", {}, label);
  const summary = el("summary", { "aria-label": `${name}: ${t.sub_categories}` });
  const open = isPartlyChosen(chosen, path);
  const below = el("details", { open }, summary, branch(view, chosen, path, choose));
  return el("li", { class: "parent" }, label, below);
}
