/* Two dates side by side: the present run on the left, an older one on the right. */

import { el, selectList } from "../lib/dom.js";
import { fillIn } from "../lib/format.js";
import { baseMap } from "../map/base_map.js";
import { fail } from "../map/failure.js";
import { vectorTiles } from "../map/vector_tiles.js";
import { isRisk } from "./coverage_figures.js";
import { gridStyle } from "./coverage_layers.js";

const MAX_RUNS = 50;
const SAME = 0.001; // shares that differ by less are the same

/**
 * Return the section with the choice of an older run; the runs are requested when it is opened.
 *
 * @param {CoverageView} view
 */
export function compareBox(view) {
  const { compare } = view.parts;
  compare.addEventListener("toggle", () => {
    if (compare.open) listRuns(view).catch((error) => fail(view.context.t, error));
  });
  return compare;
}

/** @param {CoverageView} view */
async function listRuns(view) {
  const { t, client, urlState } = view.context;
  const { compare } = view.parts;
  if (compare.children.length > 1) return;
  /** @type {{id: number, finished_at: string}[]} */
  const runs = await client.get("runs", { limit: MAX_RUNS });
  const older = runs.filter((run) => run.id < (view.values.run || 0));
  if (!older.length) {
    compare.append(el("p", { class: "hint" }, t.compare_none));
    return;
  }
  const select = selectList({ id: "pick-run", "aria-label": t.compare }, [
    ["", t.compare_off],
    ...older.map(({ id, finished_at: at }) => {
      const text = `${at.slice(0, 16).replace("T", " ")} (${t.run} ${id})`;
      return /** @type {[number, string]} */ ([id, text]);
    }),
  ]);
  const sums = el("div", { class: "compared" });
  select.addEventListener("change", () => {
    urlState.set("run", select.value);
    showOldRun(view, Number(select.value), sums).catch((error) => fail(t, error));
  });
  const label = el("label", { for: "pick-run" }, t.compare_with);
  compare.append(el("div", { class: "row" }, label, select), sums);
  const wanted = urlState.get("run");
  if (!wanted) return;
  select.value = wanted;
  if (select.value) await showOldRun(view, Number(select.value), sums);
}

/** @param {CoverageView} view @param {number} run 0 for none @param {HTMLElement} sums */
async function showOldRun(view, run, sums) {
  const { map, client } = view.context;
  document.body.classList.toggle("beside", !!run);
  view.second?.remove();
  view.second = null;
  sums.replaceChildren();
  map.invalidateSize();
  if (!run) return;
  // Older runs have no risk.
  const measure = isRisk(view) ? "open_covered_share" : view.controls.measure.value;
  const values = /** @type {GridValues} */ (await client.get("grids/values", { measure, run }));
  const past = new Map(values.codes.map((code, k) => [code, values.values[k]]));
  view.second = secondMap(view, run, past);
  sums.append(el("p", {}, changesText(view, past)));
  document.body.dataset.beside = String(run);
}

/**
 * @param {CoverageView} view
 * @param {number} run
 * @param {ReadonlyMap<string, number | null>} past
 */
function secondMap(view, run, past) {
  const { map, config, client, district, t } = view.context;
  const place = el("div", { id: "second", role: "img", "aria-label": `${t.run} ${run}` });
  const here = map.getContainer();
  here.after(place);
  const other = L.map(place, {
    zoomControl: false,
    attributionControl: false,
    preferCanvas: true,
    zoomSnap: 0.5,
    minZoom: 3,
    maxZoom: 20,
  }).setView(map.getCenter(), map.getZoom(), { animate: false });
  other.createPane("base").style.zIndex = "210";
  other.createPane("shade").style.zIndex = "390";
  baseMap(client, config.tiles).addTo(other);
  const style = gridStyle(view, (code) => past.get(code));
  const options = { pane: "shade", bounds: district.pad(0.03) };
  const address = `${config.tiles}/grids/{z}/{x}/{y}.pbf`;
  const shade = vectorTiles(client, address, { grids: style }, options).addTo(other);
  const dateNow = el("p", { class: "date now" }, `${t.run} ${view.values.run}`);
  place.append(el("p", { class: "date" }, `${t.run} ${run}`));
  here.append(dateNow);
  const unlink = linkMaps(map, other);
  return {
    restyle: () => {
      shade.restyle();
    },
    remove: () => {
      unlink();
      other.remove();
      place.remove();
      dateNow.remove();
    },
  };
}

/**
 * Synchronise the views of two maps until the returned function is called.
 *
 * @param {L.Map} first
 * @param {L.Map} second
 */
function linkMaps(first, second) {
  let isMoving = false;
  /** @param {L.Map} from @param {L.Map} to */
  const follow = (from, to) => () => {
    if (isMoving) return;
    isMoving = true;
    to.setView(from.getCenter(), from.getZoom(), { animate: false });
    isMoving = false;
  };
  const onFirst = follow(first, second);
  first.on("move", onFirst);
  second.on("move", follow(second, first));
  return () => {
    first.off("move", onFirst);
  };
}

/** @param {CoverageView} view @param {ReadonlyMap<string, number | null>} past */
function changesText({ values, context }, past) {
  const { t, formats } = context;
  const counts = { up: 0, down: 0, same: 0 };
  values.codes.forEach((code, k) => {
    const [now, then] = [values.values[k], past.get(code)];
    if (now == null || then == null) return;
    if (now > then + SAME) counts.up++;
    else if (now < then - SAME) counts.down++;
    else counts.same++;
  });
  const texts = Object.entries(counts).map(([key, count]) => [key, formats.integer.format(count)]);
  return fillIn(t.compare_line, Object.fromEntries(texts));
}
