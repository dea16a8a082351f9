/* Selection of categories in a tree: a selected path includes all below it. Null selects all. */

/** @param {string} path */
const depth = (path) => path.split("/").length;

/**
 * Return the selection in the address.
 *
 * @param {string | null} text
 * @returns {string[] | null}
 */
export function readChoice(text) {
  return text == null ? null : text.split(",").filter(Boolean);
}

/**
 * Return the text of a selection in the address; an empty one is a comma.
 *
 * @param {readonly string[] | null} chosen
 */
export function writeChoice(chosen) {
  return chosen == null ? null : chosen.join(",") || ",";
}

/**
 * Return whether a path is selected, itself or by one above it.
 *
 * @param {readonly string[] | null} chosen
 * @param {string} path
 */
export function isChosen(chosen, path) {
  return chosen == null || chosen.some((one) => path === one || path.startsWith(`${one}/`));
}

/**
 * Return whether a path below this one is selected.
 *
 * @param {readonly string[] | null} chosen
 * @param {string} path
 */
export function isPartlyChosen(chosen, path) {
  return chosen != null && chosen.some((one) => one.startsWith(`${path}/`));
}

/**
 * Return the categories directly below a path ("" for the first level).
 *
 * @template {{path: string}} T
 * @param {readonly T[]} categories
 * @param {string} parent
 * @returns {T[]}
 */
export function childrenOf(categories, parent) {
  if (!parent) return categories.filter(({ path }) => depth(path) === 1);
  return categories.filter(
    ({ path }) => path.startsWith(`${parent}/`) && depth(path) === depth(parent) + 1,
  );
}

/**
 * Return the selection after a path was ticked or unticked.
 *
 * @param {readonly {path: string}[]} categories all of the tree
 * @param {readonly string[] | null} chosen
 * @param {string} path
 * @param {boolean} ticked
 * @returns {string[] | null}
 */
export function changeChoice(categories, chosen, path, ticked) {
  const roots = childrenOf(categories, "").map((category) => category.path);
  let next = chosen == null ? roots : [...chosen];
  if (ticked) next = [...next.filter((one) => !one.startsWith(`${path}/`)), path];
  else next = withoutPath(categories, next, path);
  return roots.every((root) => next.includes(root)) ? null : next;
}

/**
 * Return the selection without a path; if one above it was selected, its other children are
 * selected instead.
 *
 * @param {readonly {path: string}[]} categories
 * @param {string[]} chosen
 * @param {string} path
 */
function withoutPath(categories, chosen, path) {
  let next = chosen;
  for (;;) {
    const above = next.find((one) => path.startsWith(`${one}/`));
    if (!above) break;
    const children = childrenOf(categories, above).map((category) => category.path);
    next = [...next.filter((one) => one !== above), ...children];
  }
  return next.filter((one) => one !== path && !one.startsWith(`${path}/`));
}
