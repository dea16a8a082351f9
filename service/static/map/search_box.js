/* The search for names, codes and device numbers; a hit is shown on the map. */

import { button, el } from "../lib/dom.js";
import { localName } from "../lib/format.js";
import { debounce } from "../lib/time.js";
import { fail } from "./failure.js";
import { boundsOf } from "./view.js";

const TYPING_MS = 200;

/**
 * Return the search box.
 *
 * @param {MapContext} context
 * @param {(hit: SearchHit) => void} onOpen
 */
export function createSearchBox(context, onOpen) {
  const { t, map, client, language } = context;
  const input = searchInput(t);
  const hits = el("ul", {
    class: "hits",
    id: "search-hits",
    role: "listbox",
    "aria-label": t.search,
    hidden: true,
  });
  let requests = 0;

  /** @param {boolean} shown */
  function showHits(shown) {
    hits.hidden = !shown;
    input.setAttribute("aria-expanded", String(shown));
  }

  /** @param {SearchHit} hit */
  function open(hit) {
    showHits(false);
    input.value = localName(hit, language) || hit.code;
    const maxZoom = hit.kind === "camera" ? 18 : 17;
    map.fitBounds(boundsOf(hit.bbox), { maxZoom, padding: [40, 40], animate: false });
    onOpen(hit);
  }

  async function search() {
    const request = ++requests;
    const q = input.value.trim();
    if (!q) return showHits(false);
    const results = /** @type {SearchHit[]} */ (
      await client.get("search", { q }, { record: false })
    );
    if (request !== requests) return undefined;
    const lines = results.map((hit) => hitLine(hit, t, language, () => open(hit)));
    hits.replaceChildren(...(lines.length ? lines : [el("li", { class: "none" }, t.search_none)]));
    return showHits(true);
  }

  const start = () => search().catch((error) => fail(t, error));
  input.addEventListener("input", debounce(start, TYPING_MS));
  input.addEventListener("keydown", (event) => onKey(event, hits, start, () => showHits(false)));
  return el("div", { class: "search" }, input, hits);
}

/** @param {Texts} t */
function searchInput(t) {
  return el("input", {
    type: "search",
    id: "search",
    placeholder: t.search_hint,
    "aria-label": t.search,
    autocomplete: "off",
    maxlength: 100,
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": "search-hits",
  });
}

/** @param {SearchHit} hit @param {Texts} t @param {string} language @param {() => void} open */
function hitLine(hit, t, language, open) {
  const place = [t[`hit_${hit.kind}`], hit.code, hit.within].filter(Boolean).join(" · ");
  const name = el("span", {}, localName(hit, language) || hit.code);
  return el("li", { role: "option" }, button({ onclick: open }, name, el("small", {}, place)));
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} hits
 * @param {() => void} search
 * @param {() => void} close
 */
function onKey(event, hits, search, close) {
  const first = hits.hidden ? null : hits.querySelector("button");
  if (event.key === "Enter") {
    event.preventDefault();
    if (first) first.click();
    else search();
  }
  if (event.key === "Escape") close();
  if (event.key === "ArrowDown" && !hits.hidden) {
    event.preventDefault();
    first?.focus();
  }
}
