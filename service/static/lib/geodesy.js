/* Places by bearing and distance, on a sphere, for distances of a street. */

const EARTH_RADIUS_M = 6371008.8;
const DEGREE = Math.PI / 180;

/**
 * Return the place from which another lies at a bearing and a distance.
 *
 * @param {{lat: number, lng: number}} target
 * @param {number} bearing degrees clockwise from north
 * @param {number} distance metres
 * @returns {[lat: number, lng: number]}
 */
export function placeBehind(target, bearing, distance) {
  const radius = EARTH_RADIUS_M * DEGREE;
  const north = distance * Math.cos(bearing * DEGREE);
  const east = distance * Math.sin(bearing * DEGREE);
  return [
    target.lat - north / radius,
    target.lng - east / (radius * Math.cos(target.lat * DEGREE)),
  ];
}
