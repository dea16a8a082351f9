/* How cameras are drawn: one by one, or as circles with a number that stand for many. */

import { CAMERA_COLOURS, SOME_WORKING } from "../lib/colours.js";

/** @param {FeatureProperties} cluster counts of cameras, those of unknown status among them */
function clusterColour(cluster) {
  const known = cluster.count - (cluster.unknown || 0);
  if (!known) return CAMERA_COLOURS.unknown;
  if (cluster.working === known) return CAMERA_COLOURS.working;
  return cluster.working > 0 ? SOME_WORKING : CAMERA_COLOURS.faulty;
}

/** @param {number} count */
function countText(count) {
  return count > 999 ? `${Math.round(count / 1000)}k` : String(count);
}

/**
 * Return the style of cameras.
 *
 * @param {(code: string) => string | undefined} [latestStatus] statuses reported since the tiles
 *   were made
 * @returns {StyleFunction}
 */
export function cameraStyle(latestStatus) {
  return (feature, zoom) => {
    const { count } = feature;
    if (count != null) {
      return {
        fill: true,
        radius: count > 1 ? Math.min(13, 5.5 + 1.2 * Math.log2(count)) : 3,
        fillColor: clusterColour(feature),
        fillOpacity: 0.72,
        color: "#ffffff",
        weight: 0.8,
        label: count > 1 ? countText(count) : null,
      };
    }
    const status = latestStatus?.(feature.code) || feature.status;
    return {
      fill: true,
      radius: zoom >= 17 ? 5 : 3.5,
      weight: 1,
      color: "#ffffff",
      fillColor: CAMERA_COLOURS[status] || CAMERA_COLOURS.unknown,
      fillOpacity: 1,
    };
  };
}
