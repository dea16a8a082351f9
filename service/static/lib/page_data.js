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
 * Return the data of a page that was saved as a file, null on a page of the service.
 *
 * @returns {SavedPage | null}
 */
export function savedPage() {
  return readJson("saved-page");
}

/** Identifier of the element with the data of a saved page. */
export const SAVED_PAGE_ID = "saved-page";
