/* The map pages: what they share, and which of them is shown. */

import { createClient } from "../lib/api.js";
import { byId } from "../lib/dom.js";
import { numberFormats } from "../lib/format.js";
import { savedPage } from "../lib/page_data.js";
import { createUrlState } from "../lib/url_state.js";
import { showAreaNames } from "../map/area_names.js";
import { baseMap } from "../map/base_map.js";
import { createClickMode } from "../map/click_mode.js";
import { createDrawer } from "../map/drawer.js";
import { fail } from "../map/failure.js";
import { createLayers } from "../map/layers.js";
import { showOutlines } from "../map/outlines.js";
import { addSheetBox } from "../map/sheet.js";
import { addSighting } from "../map/sighting.js";
import { addAttribution, focusArea, setUpView } from "../map/view.js";
import { showCoverage } from "./coverage.js";
import { showIncidents } from "./incidents.js";
import { showDataQuality } from "./data_quality.js";

/** @type {Record<string, (context: MapContext) => PageSummary>} */
const PAGES = { coverage: showCoverage, incidents: showIncidents, data_quality: showDataQuality };
const FIRST_STEPS = ["areas", "grids", "cameras", "buildings", "refresh"];

/**
 * @param {L.Map} map
 * @param {MapConfig} config
 * @returns {MapContext}
 */
function createContext(map, config) {
  const saved = savedPage();
  const { t, language } = config;
  const isVideoWall = new URLSearchParams(location.search).get("video_wall") === "1";
  // The width of the panel depends on these, and the view of the map on that.
  document.body.classList.add(`page-${config.page}`);
  document.body.classList.toggle("on-video-wall", isVideoWall);
  document.body.classList.toggle("saved", saved != null);
  const client = createClient(config.api, saved);
  const content = byId("content");
  const urlState = createUrlState(saved);
  return {
    map,
    config,
    t,
    language,
    formats: numberFormats(language),
    client,
    urlState,
    ...setUpView(map, config, urlState),
    layers: createLayers(map),
    clicks: createClickMode(map),
    drawer: createDrawer(content, t),
    content,
    areas: client.get("areas"),
    isVideoWall,
    isSaved: saved != null,
  };
}

/** @param {MapContext} context */
function addBaseLayers({ map, config, t, client, layers, areas, urlState, language, ...context }) {
  layers.add(baseMap(client, config.tiles), t.basemap, "later");
  const { url, attribution } = config.basemap;
  if (url) {
    const online = L.tileLayer(url, { attribution: "", maxZoom: 20, pane: "base" });
    layers.add(online, t.online_basemap, "now");
    if (attribution) addAttribution(map, attribution);
  }
  const names = layers.add(L.layerGroup(), t.labels, "now");
  areas
    .then((loaded) => {
      showAreaNames(map, names, loaded, language);
      if (!context.hasPosition)
        focusArea({ map, district: context.district }, loaded, urlState.get("area"));
    })
    .catch((error) => fail(t, error));
}

/**
 * @param {L.Map} map
 * @param {MapConfig} config
 */
function startMap(map, config) {
  const context = createContext(map, config);
  const { isVideoWall, isSaved, t } = context;
  context.drawer.onClose(() => context.urlState.set("grid", null));
  addBaseLayers(context);
  if (config.run == null) {
    showOutlines(context, t.no_results_title, FIRST_STEPS).catch((error) => fail(t, error));
    return;
  }
  if (config.seeing && !isVideoWall && !isSaved) addSighting(context);
  const page = PAGES[config.page](context);
  if (!isVideoWall) addSheetBox(context, page);
}

// Folium makes the map in a script of the page and passes it by this event.
document.addEventListener(
  "gridcover:map",
  (event) => {
    const { map, config } = /** @type {CustomEvent} */ (event).detail;
    startMap(map, config);
  },
  { once: true },
);
