/* Planned cameras as text: in the address and as files. */

export const CAMERA_KINDS = ["fixed", "dome", "ptz", "panoramic"];
export const MAX_CAMERAS = 50;

/**
 * @type {readonly (readonly [PlanField, number, number])[]} fields that may be set, smallest and
 *   largest value
 */
export const PLAN_FIELDS = [
  ["bearing_deg", 0, 360],
  ["fov_deg", 1, 360],
  ["range_m", 1, 2000],
  ["height_m", 1, 500],
];

/**
 * Return the text of cameras in the address: lon, lat, kind, bearing, field of view, range and
 * height of each separated by commas, cameras separated by ";".
 *
 * @param {readonly PlannedCamera[]} cameras
 */
export function encodePlan(cameras) {
  return cameras
    .map((camera) =>
      [
        camera.lon.toFixed(6),
        camera.lat.toFixed(6),
        camera.kind,
        ...PLAN_FIELDS.map(([field]) => camera[field] ?? ""),
      ].join(","),
    )
    .join(";");
}

/**
 * Return the cameras in an address; those that cannot be read are left out.
 *
 * @param {string | null} text
 * @returns {PlannedCamera[]}
 */
export function decodePlan(text) {
  const cameras = [];
  for (const part of (text || "").split(";").slice(0, MAX_CAMERAS)) {
    const [lon, lat, kind, ...values] = part.split(",");
    if (!CAMERA_KINDS.includes(kind) || !isNumber(lon) || !isNumber(lat)) continue;
    /** @type {PlannedCamera} */
    const camera = { lon: Number(lon), lat: Number(lat), kind };
    PLAN_FIELDS.forEach(([field, low, high], k) => {
      const value = Number(values[k]);
      if (values[k] && value >= low && value <= high) camera[field] = value;
    });
    cameras.push(camera);
  }
  return cameras;
}

/** @param {string | undefined} text */
function isNumber(text) {
  return !!text && Number.isFinite(Number(text));
}

/**
 * Return the bearing from one place to another near it, in integer degrees clockwise from north.
 *
 * @param {{lat: number, lng: number}} from
 * @param {{lat: number, lng: number}} to
 */
export function bearingBetween(from, to) {
  const east = (to.lng - from.lng) * Math.cos((from.lat * Math.PI) / 180);
  return (Math.round((Math.atan2(east, to.lat - from.lat) * 180) / Math.PI) + 360) % 360;
}

/**
 * Return a plan as rows of a table.
 *
 * @param {readonly PlannedCamera[]} cameras
 */
function planRows(cameras) {
  return cameras.map((camera, k) => ({
    number: k + 1,
    kind: camera.kind,
    lon: Number(camera.lon.toFixed(7)),
    lat: Number(camera.lat.toFixed(7)),
    bearing_deg: camera.bearing_deg ?? null,
    fov_deg: camera.fov_deg ?? null,
    range_m: camera.range_m ?? null,
    height_m: camera.height_m ?? null,
  }));
}

/**
 * Return a plan as CSV with a byte order mark, which spreadsheets need to recognise UTF-8.
 *
 * @param {readonly PlannedCamera[]} cameras at least one
 */
export function planCsv(cameras) {
  const rows = planRows(cameras);
  const lines = [
    Object.keys(rows[0]),
    ...rows.map((row) => Object.values(row).map((v) => v ?? "")),
  ];
  return `\ufeff${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}

/**
 * Return a plan as GeoJSON.
 *
 * @param {readonly PlannedCamera[]} cameras
 */
export function planGeoJson(cameras) {
  const features = planRows(cameras).map(({ lon, lat, ...properties }) => ({
    type: "Feature",
    properties,
    geometry: { type: "Point", coordinates: [lon, lat] },
  }));
  return JSON.stringify({ type: "FeatureCollection", features });
}
