/* What lies under the pointer: a tooltip, and what a click opens. */

/**
 * Show a tooltip for the shape under the pointer, from the first layer that has one.
 *
 * @param {MapContext} context
 * @param {readonly (readonly [string, TileLayer])[]} layers kind and layer, the topmost first
 * @param {(kind: string, feature: FeatureProperties) => HTMLElement | null} describe
 * @param {(kind: string, feature: FeatureProperties, latlng: L.LatLng) => void} open on a click
 */
export function watchPointer({ map, clicks }, layers, describe, open) {
  const tooltip = L.tooltip({ direction: "top", offset: [0, -6], opacity: 0.95 });
  /** @type {L.LeafletMouseEvent | null} */
  let latest = null;

  /** @param {L.LatLng} latlng @returns {[string, FeatureProperties] | null} */
  function featureAt(latlng) {
    for (const [kind, layer] of layers) {
      const feature = map.hasLayer(layer) && layer.pick(latlng, 3);
      if (feature) return [kind, feature];
    }
    return null;
  }

  function showTooltip() {
    const event = latest;
    latest = null;
    if (!event || map._animatingZoom || map.dragging.moving?.()) return;
    const hit = featureAt(event.latlng);
    map.getContainer().classList.toggle("over", !!hit);
    const content = hit && describe(...hit);
    if (!content) {
      map.closeTooltip(tooltip);
      return;
    }
    tooltip.setLatLng(event.latlng).setContent(content);
    if (!map.hasLayer(tooltip)) map.openTooltip(tooltip);
  }

  map.on("mousemove", (event) => {
    if (!latest) requestAnimationFrame(showTooltip);
    latest = event;
  });
  map.on("mouseout movestart", () => {
    map.closeTooltip(tooltip);
  });
  clicks.onPlainClick((event) => {
    const hit = featureAt(event.latlng);
    if (hit) open(...hit, event.latlng);
  });
}
