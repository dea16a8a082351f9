/* Every colour that a script draws with. The style sheets have their own. */

/** Steps that differ in lightness: readable for colour-blind people and in grey prints. */
export const RAMPS = {
  share: ["#f7f4c4", "#b6dcb0", "#62b6a7", "#2f7fa3", "#27408b"],
  density: ["#fff3d9", "#fdd49e", "#fc8d59", "#d7301f", "#7f0000"],
  hours: ["#fff3d9", "#fdd49e", "#fdbb84", "#fc8d59", "#e34a33", "#b30000"],
};

/** @type {Record<string, Record<string, string>>} classes of hot spots and of change */
export const CLASS_COLOURS = {
  change: { rising: "#b2182b", falling: "#2166ac", none: "#f1f1ee" },
  hot_spot: {
    hot_99: "#b2182b",
    hot_95: "#ef8a62",
    hot_90: "#fddbc7",
    cold_90: "#d1e5f0",
    cold_95: "#67a9cf",
    cold_99: "#2166ac",
  },
  emerging: {
    new_hot: "#ff7f00",
    consecutive_hot: "#e31a1c",
    intensifying_hot: "#99000d",
    persistent_hot: "#cb181d",
    diminishing_hot: "#fc9272",
    sporadic_hot: "#fdae6b",
    oscillating_hot: "#c994c7",
    historical_hot: "#a08070",
    new_cold: "#a6cee3",
    consecutive_cold: "#6baed6",
    intensifying_cold: "#08519c",
    persistent_cold: "#2171b5",
    diminishing_cold: "#9ecae1",
    sporadic_cold: "#c6dbef",
    oscillating_cold: "#9e9ac8",
    historical_cold: "#8da0ae",
  },
};

/** @type {Record<string, string>} by camera status; unknown is neither good nor bad */
export const CAMERA_COLOURS = {
  working: "#0f6b3a",
  unknown: "#3f5d7d",
  faulty: "#b91c1c",
  offline: "#6b7280",
  retired: "#6b7280",
};
export const SOME_WORKING = "#2f6b4a";

/** @type {Record<string, string>} by aspect of an issue */
export const ASPECT_COLOURS = {
  complete: "#b8860b",
  plausible: "#7b3fa0",
  up_to_date: "#2f6f9f",
  in_place: "#b91c1c",
  target: "#c2410c",
  service: "#0f766e",
};

/** The heat map's, from cold to hot. */
export const HEAT_COLOURS = ["#2c7fb8", "#41b6c4", "#fed976", "#fd8d3c", "#bd0026"];

export const NO_DATA = "#d9d9d9";
export const NO_FILL = "#ffffff";
export const BLIND_SPOT = "#c2410c";
export const VIEW = "#f2c14e";
export const VIEW_EDGE = "#8a6410";
export const HIDDEN = "#444444";
export const GRID_EDGE = "#52606d";
export const AREA_EDGE = "#6b5b4d";
export const SELECTION = "#12355b";
export const SIGHT_LINE = "#0b4f8a";
export const IMPORTED = "#b3470a";
export const PLAN = { edge: "#5b21b6", gain: "#7c3aed" };

export const BASE_MAP = {
  /** @type {Record<string, string>} */
  landcover: { water: "#a9cfe4", green: "#cfe5c0", industrial: "#e9e3ea", square: "#efe6d2" },
  otherLand: "#eee",
  /** @type {Record<string, string>} */
  streets: { primary: "#f4c97a", trunk: "#f4c97a", motorway: "#eeb05a", lane: "#fbfaf7" },
  otherStreet: "#ffffff",
  tallBuilding: "#b9aca4",
  building: "#d3cac2",
  buildingEdge: "#a99c92",
  boundary: "#6c5b7b",
  plainStreet: "#dcd6cc",
};

export const CHART = {
  series: ["#12355b", "#b3470a", "#0f766e", "#7b3fa0", "#8a6410", "#b91c1c"],
  axis: "#54616e",
  grid: "#e6ebf0",
  band: "#f2c14e66",
  muted: "#8aa6bf",
  ink: "#1c2733",
  main: "#12355b",
  accent: "#b3470a",
  good: "#2b7a3f",
  gone: "#6b7280",
  share: "#2f7fa3",
  emptyCell: "#f4f6f8",
  shortfall: "#f3b27a",
};

export const SHEET = {
  paper: "#fff",
  ground: "#f3f1ec",
  ink: "#1c2733",
  title: "#12355b",
  muted: "#54616e",
  frame: "#6b7783",
  halo: "#ffffffdd",
  scale: "#ffffffcc",
};
