/* Saves a map page as one file that opens without a network: its styles, its script, and the
   responses that it used. Browsers load no modules from a file; the script of a page is a bundle
   already. */

import { SAVED_PAGE_ID } from "../lib/page_data.js";

const ZOOMS = 2; // levels deeper than the present one that a saved map can be looked at
const MAX_TILES = 1500;
const REQUESTS = 6; // at the same time
const TILE_SIZE = 256;

/**
 * Return the page as HTML.
 *
 * @param {MapContext} context
 * @param {string} title
 * @param {readonly string[]} tileSets besides the base map
 */
export async function savedPageHtml(context, title, tileSets) {
  const source = await readText(location.href.split("#")[0]);
  const page = new DOMParser().parseFromString(source, "text/html");
  await embedStyles(page);
  await embedScripts(page);
  page
    .querySelectorAll("link[rel=icon], form.who, #panel nav, #content > *")
    .forEach((element) => element.remove());
  /** @type {SavedPage} */
  const saved = {
    hash: location.hash,
    title,
    when: new Date().toISOString(),
    answers: await collectAnswers(context, tileSets),
  };
  const data = page.createElement("script");
  data.type = "application/json";
  data.id = SAVED_PAGE_ID;
  data.textContent = scriptJson(saved);
  page.head.prepend(data);
  return `<!DOCTYPE html>\n${page.documentElement.outerHTML}`;
}

/** @param {string | URL} address */
async function readText(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.text();
}

/**
 * Return JSON that is safe inside a script element.
 *
 * @param {unknown} value
 */
function scriptJson(value) {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** @param {ArrayBuffer} buffer */
function base64(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let k = 0; k < bytes.length; k += 32768) {
    text += String.fromCharCode(...bytes.subarray(k, k + 32768));
  }
  return btoa(text);
}

/** @param {Document} page */
async function embedStyles(page) {
  for (const link of page.querySelectorAll("link[rel=stylesheet]")) {
    const address = link.getAttribute("href") || "";
    const css = await embedImages(await readText(address), new URL(address, location.href));
    const style = page.createElement("style");
    style.textContent = css.replace(/<\/style/gi, "<\\/style");
    link.replaceWith(style);
  }
}

/** @param {string} css @param {URL} folder that its addresses start from */
async function embedImages(css, folder) {
  let embedded = css;
  for (const [text, , path] of css.matchAll(/url\((['"]?)(?!data:)([^'")]+)\1\)/g)) {
    const response = await fetch(new URL(path, folder));
    if (!response.ok) continue;
    const type = response.headers.get("content-type");
    const image = base64(await response.arrayBuffer());
    embedded = embedded.replace(text, `url(data:${type};base64,${image})`);
  }
  return embedded;
}

/** @param {Document} page */
async function embedScripts(page) {
  for (const script of page.querySelectorAll("script")) {
    script.removeAttribute("nonce");
    const address = script.getAttribute("src");
    if (!address) continue;
    script.removeAttribute("src");
    const code = await readText(address);
    script.textContent = code.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");
  }
}

/**
 * Return the responses to all requests of the page, and the tiles around and below the visible
 * extent.
 *
 * @param {MapContext} context
 * @param {readonly string[]} tileSets
 */
async function collectAnswers({ map, config, client }, tileSets) {
  const tiles = visibleTiles(map, config.tiles, ["base", ...tileSets]);
  const waiting = [...new Set([...client.recorded(), ...tiles])];
  /** @type {Record<string, SavedAnswer>} */
  const answers = {};
  const work = async () => {
    for (let address = waiting.pop(); address; address = waiting.pop()) {
      const response = await fetch(address);
      if (!response.ok) continue;
      const type = response.headers.get("content-type") || "";
      answers[address] = type.includes("json")
        ? [type, await response.text()]
        : [type, base64(await response.arrayBuffer()), true];
    }
  };
  await Promise.all(Array.from({ length: REQUESTS }, work));
  return answers;
}

/** @param {L.Map} map @param {string} tiles @param {readonly string[]} names */
function visibleTiles(map, tiles, names) {
  /** @type {string[]} */
  const addresses = [];
  const bounds = map.getBounds();
  const zoomNow = Math.floor(map.getZoom());
  for (let zoom = Math.max(3, zoomNow - 1); zoom <= Math.min(18, zoomNow + ZOOMS); zoom++) {
    const first = map.project(bounds.getNorthWest(), zoom).divideBy(TILE_SIZE).floor();
    const last = map.project(bounds.getSouthEast(), zoom).divideBy(TILE_SIZE).floor();
    const count = (last.x - first.x + 1) * (last.y - first.y + 1) * names.length;
    if (addresses.length + count > MAX_TILES) break;
    for (let column = first.x; column <= last.x; column++) {
      for (let row = first.y; row <= last.y; row++) {
        for (const name of names) addresses.push(`${tiles}/${name}/${zoom}/${column}/${row}.pbf`);
      }
    }
  }
  return addresses;
}
