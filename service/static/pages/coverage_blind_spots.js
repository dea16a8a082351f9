/* The list of blind spots, the worst first. */

import { BLIND_SPOT } from "../lib/colours.js";
import { button, el, markChosen } from "../lib/dom.js";
import { fillIn, localName } from "../lib/format.js";
import { boundsOf } from "../map/view.js";

const PAGE = 100; // rows that are requested at a time

/**
 * Show rows of the list.
 *
 * @param {CoverageView} view
 * @param {number} offset of the first; 0 begins again
 */
export async function listBlindSpots(view, offset) {
  const { context, controls, parts } = view;
  const { client, urlState, isSaved } = context;
  if (isSaved && offset) return;
  const by = controls.order.value;
  const query = { by, area: urlState.get("area"), limit: PAGE, offset };
  const page = /** @type {BlindSpotPage} */ (await client.get("blind-spots/ranking", query));
  if (!offset) parts.list.replaceChildren();
  parts.list.append(...page.blind_spots.map((row) => el("li", {}, spotButton(view, row))));
  parts.more.hidden = parts.list.children.length >= page.total;
  showTitle(view, page);
  document.body.dataset.listed = `${by} ${parts.list.children.length}`;
}

/** @param {CoverageView} view @param {BlindSpotPage} page */
function showTitle({ context, parts }, { total, area_m2: area, risk }) {
  const { t, formats } = context;
  const sums = fillIn(risk == null ? t.spots_sum : t.spots_sum_risk, {
    n: formats.integer.format(total),
    area: formats.decimal.format(area / 1e6),
    risk: formats.integer.format(risk ?? 0),
  });
  parts.listTitle.replaceChildren(t.blind_list, " ", el("small", {}, sums));
}

/** @param {CoverageView} view @param {BlindSpotRow} row */
function spotButton(view, row) {
  const { t, formats, language } = view.context;
  const area = `${formats.integer.format(row.area_m2)} m²`;
  const risk = row.risk == null ? null : formats.decimal.format(row.risk);
  const byRisk = view.controls.order.value === "risk";
  const other = byRisk ? area : risk == null ? "" : `${t.risk_short} ${risk}`;
  const line = button(
    { title: t.blind_hint },
    el("span", { class: "rank" }, String(row.rank)),
    el("span", {}, localName(row, language, "grid_name") || row.grid, " ", el("small", {}, other)),
    el("span", { class: "amount" }, byRisk ? risk || "–" : area),
  );
  line.addEventListener("click", () => {
    markChosen(view.parts.list, line);
    showSpot(view, row);
  });
  return line;
}

/** @param {CoverageView} view @param {BlindSpotRow} row */
function showSpot({ context, layers }, row) {
  const { map } = context;
  const bounds = boundsOf(row.bbox);
  layers?.outline.setStyle({ color: BLIND_SPOT }).setBounds(bounds).addTo(map);
  map.flyToBounds(bounds, { maxZoom: 18, padding: [80, 80], duration: 0.6 });
  document.body.dataset.spot = `${row.grid} ${row.number}`;
}
