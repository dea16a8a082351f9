/* What a page shows, in the part of its address behind "#": a link reproduces the view. */

/**
 * Return parameters as the fragment of an address; commas, colons and slashes are not escaped.
 *
 * @param {URLSearchParams} parameters
 */
export function hashText(parameters) {
  return parameters.toString().replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%2F/g, "/");
}

/**
 * Return the position of the map in an address, null if it has none.
 *
 * @param {string | null} text latitude, longitude and zoom
 * @returns {[number, number, number] | null}
 */
export function readPosition(text) {
  const parts = (text || "").split(",").map(Number);
  return parts.length === 3 && parts.every(Number.isFinite) ? [parts[0], parts[1], parts[2]] : null;
}

/**
 * Return the state in the address of this page.
 *
 * @param {SavedPage | null} saved whose address the state is then read from, and which keeps its
 *   own
 * @returns {UrlState}
 */
export function createUrlState(saved) {
  const parameters = new URLSearchParams((saved ? saved.hash : location.hash).slice(1));
  return {
    get: (key) => parameters.get(key),
    set(key, value) {
      if (value == null || value === "") parameters.delete(key);
      else parameters.set(key, String(value));
      const text = hashText(parameters);
      if (!saved) {
        const hash = text ? `#${text}` : "";
        history.replaceState(null, "", `${location.pathname}${location.search}${hash}`);
      }
      // The other language shows the same.
      for (const link of document.querySelectorAll("nav a.language")) {
        /** @type {HTMLAnchorElement} */ (link).hash = text;
      }
    },
  };
}
