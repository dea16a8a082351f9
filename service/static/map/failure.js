/* What happens when an answer does not come. */

import { showNotice } from "../lib/dom.js";

/**
 * Show that something failed, and throw the error to the console.
 *
 * @param {Texts} t
 * @param {unknown} error
 * @returns {never}
 */
export function fail(t, error) {
  showNotice(t.failed);
  throw error;
}
