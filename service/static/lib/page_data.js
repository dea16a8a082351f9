/* Data that the service writes into a page, as JSON that no browser runs. */

/**
 * Return the content of a JSON element of the page, null if it has none.
 *
 * @param {string} id
 */
function readJson(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent || "null") : null;
}

/**
 * Return the configuration of the page.
 *
 * @returns {any}
 */
export function pageConfig() {
  return readJson("config");
}

/**
 * Return what a page that was saved as a file brings along, null on a page of the service.
 *
 * @returns {SavedPage | null}
 */
export function savedPage() {
  return readJson("saved-page");
}

/** Return the id of the element that holds what a saved page brings along. */
export const SAVED_PAGE_ID = "saved-page";
