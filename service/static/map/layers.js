/* Layers that can be shown and hidden. What the page is opened for is drawn first, the rest waits
   for it. */

import { markReady } from "../lib/dom.js";

const LEAD_MS = 4000; // that the leading layer has at most
const NARROW = 900; // pixels below which the control is folded

/**
 * Return the layers of a map.
 *
 * @param {L.Map} map
 * @returns {MapLayers}
 */
export function createLayers(map) {
  const collapsed = window.innerWidth < NARROW;
  const control = L.control.layers(undefined, undefined, { position: "topright", collapsed });
  /** @type {L.Layer[]} */
  const deferred = [];
  let drawn = Promise.resolve();

  function showDeferred() {
    deferred.splice(0).forEach((layer) => layer.addTo(map));
  }

  return {
    add(layer, name, shown) {
      control.addOverlay(layer, name);
      if (shown === "later") deferred.push(layer);
      else if (shown === "now") layer.addTo(map);
      return layer;
    },
    lead(layer) {
      drawn = new Promise((resolve) => {
        layer.once("load", () => resolve());
        setTimeout(resolve, LEAD_MS);
      });
      drawn.then(showDeferred);
      return drawn;
    },
    showDeferred,
    async finish() {
      await drawn;
      showDeferred();
      if (!control.getContainer()) control.addTo(map);
      markReady();
    },
  };
}
