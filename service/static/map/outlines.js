/* A page without figures: what to do next, and the outlines of what is there. */

import { nextSteps } from "../lib/checklist.js";
import { GRID_EDGE } from "../lib/colours.js";
import { cameraStyle } from "./camera_style.js";
import { vectorTiles } from "./vector_tiles.js";

/**
 * Show outlines of grids and cameras, and the next steps.
 *
 * @param {MapContext} context
 * @param {string} title
 * @param {readonly string[]} keys of the steps that the page needs
 */
export async function showOutlines({ config, client, layers, content, t }, title, keys) {
  layers.showDeferred();
  const gridStyle = { fill: false, color: GRID_EDGE, weight: 1, opacity: 0.8 };
  const gridTiles = `${config.tiles}/grids/{z}/{x}/{y}.pbf`;
  const cameraTiles = `${config.tiles}/cameras/{z}/{x}/{y}.pbf`;
  const grids = vectorTiles(client, gridTiles, { grids: gridStyle }, { pane: "shade" });
  const cameras = vectorTiles(client, cameraTiles, { cameras: cameraStyle() }, { pane: "points" });
  layers.add(grids, t.grids, "now");
  layers.add(cameras, t.cameras, "now");
  content.replaceChildren(await nextSteps(client, config, title, keys));
  await layers.finish();
}
