/* Files of layers: all that one may see, what the filter leaves, or what of it lies on the map
   now. */

import { queryString } from "../lib/api.js";
import { el, selectList } from "../lib/dom.js";

const FORMATS = ["gpkg", "geojson", "csv", "xlsx"];

/**
 * Return the panel section with the downloads.
 *
 * @param {MapContext} context
 * @param {readonly (readonly [string, string])[]} layers name in the address and in words
 * @param {() => Query} filter
 */
export function createDownloads({ t, map, client }, layers, filter) {
  const scopes = ["filtered", "box", "all"].map((scope) => ({
    scope,
    text: t[`download_${scope}`],
  }));
  const select = selectList(
    { id: "download-what" },
    scopes.map(({ scope, text }) => /** @type {[string, string]} */ ([scope, text])),
  );
  const row = el("div", { class: "row" }, el("label", { for: select.id }, t.download_what), select);
  const element = el("details", { class: "downloads" }, el("summary", {}, t.download), row);

  /** @param {string} layer @param {string} format */
  function address(layer, format) {
    const query = select.value === "all" ? {} : filter();
    const bbox = select.value === "box" ? boxText(map.getBounds()) : null;
    return `${client.root}/exports/${layer}.${format}?${queryString({ ...query, bbox })}`;
  }

  for (const [layer, name] of layers) {
    const line = el("p", {}, `${name}: `);
    for (const format of FORMATS) {
      const link = el("a", { href: address(layer, format), download: "" }, format);
      // The address depends on the filter and the extent at the time of the click.
      link.addEventListener("click", () => {
        link.href = address(layer, format);
      });
      line.append(link, " ");
    }
    element.append(line);
  }
  return element;
}

/** @param {L.LatLngBounds} bounds */
function boxText(bounds) {
  return [
    Math.max(-180, bounds.getWest()),
    Math.max(-90, bounds.getSouth()),
    Math.min(180, bounds.getEast()),
    Math.min(90, bounds.getNorth()),
  ]
    .map((degrees) => degrees.toFixed(6))
    .join(",");
}
