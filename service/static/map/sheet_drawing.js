/* A sheet as it is drawn on one canvas: the map, its title, legend, figures and provenance. */

import { HEAT_COLOURS, PLAN, SHEET } from "../lib/colours.js";
import { byId } from "../lib/dom.js";
import { drawText } from "./sheet_text.js";

const SIDE = 300;
const HEAD = 62;
const FOOT = 34;
const LEAST_HEIGHT = 560;

/**
 * Return a canvas with everything that a map page shows.
 *
 * @param {MapContext} context
 * @param {string} title
 */
export function drawSheet(context, title) {
  const { map } = context;
  const frame = map.getContainer().getBoundingClientRect();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(frame.width) + SIDE;
  canvas.height = Math.max(LEAST_HEIGHT, Math.round(frame.height)) + HEAD + FOOT;
  const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ink.fillStyle = SHEET.paper;
  ink.fillRect(0, 0, canvas.width, canvas.height);
  ink.save();
  ink.beginPath();
  ink.rect(0, HEAD, frame.width, frame.height);
  ink.clip();
  ink.fillStyle = SHEET.ground;
  ink.fillRect(0, HEAD, frame.width, frame.height);
  for (const pane of orderedPanes(map)) drawPane(ink, pane, frame);
  drawNorthArrow(ink, frame.width - 34, HEAD + 40);
  drawScale(ink, map, frame);
  ink.restore();
  drawMargins(ink, context, title, frame);
  return canvas;
}

/** @param {L.Map} map */
function orderedPanes(map) {
  const pane = /** @type {HTMLElement} */ (map.getPane("mapPane"));
  /** @param {Element} element */
  const order = (element) => Number(getComputedStyle(element).zIndex);
  return [...pane.children].sort((a, b) => order(a) - order(b));
}

/** @param {CanvasRenderingContext2D} ink @param {Element} pane @param {DOMRect} frame */
function drawPane(ink, pane, frame) {
  for (const canvas of pane.querySelectorAll("canvas")) {
    const { x, y, width, height } = canvas.getBoundingClientRect();
    if (!canvas.width || !canvas.height) continue;
    ink.globalAlpha = Number(getComputedStyle(canvas).opacity) || 1;
    ink.drawImage(canvas, x - frame.x, y - frame.y + HEAD, width, height);
  }
  ink.globalAlpha = 1;
  for (const label of pane.querySelectorAll(".place-name, .plan-camera")) {
    drawLabel(ink, label, frame);
  }
}

/** @param {CanvasRenderingContext2D} ink @param {Element} label @param {DOMRect} frame */
function drawLabel(ink, label, frame) {
  const { x, y, width, height } = label.getBoundingClientRect();
  const [left, top] = [x - frame.x + width / 2, y - frame.y + height / 2 + HEAD];
  const isCamera = label.classList.contains("plan-camera");
  if (isCamera) {
    ink.fillStyle = PLAN.edge;
    ink.beginPath();
    ink.arc(left, top, 10, 0, 7);
    ink.fill();
  }
  const style = getComputedStyle(label);
  const text = label.textContent || "";
  ink.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  ink.textAlign = "center";
  ink.textBaseline = "middle";
  ink.lineWidth = 3;
  ink.strokeStyle = isCamera ? PLAN.edge : SHEET.halo;
  ink.strokeText(text, left, top);
  ink.fillStyle = style.color;
  ink.fillText(text, left, top);
}

/** @param {CanvasRenderingContext2D} ink @param {number} x @param {number} y */
function drawNorthArrow(ink, x, y) {
  ink.fillStyle = SHEET.ink;
  ink.beginPath();
  ink.moveTo(x, y - 22);
  ink.lineTo(x + 9, y + 8);
  ink.lineTo(x, y + 2);
  ink.lineTo(x - 9, y + 8);
  ink.fill();
  drawText(ink, "N", { left: x - 5, top: y + 10, width: 20, size: 13, weight: 600 });
}

/** @param {CanvasRenderingContext2D} ink @param {L.Map} map @param {DOMRect} frame */
function drawScale(ink, map, { height }) {
  const middle = height / 2;
  const metres = map.distance(
    map.containerPointToLatLng([0, middle]),
    map.containerPointToLatLng([120, middle]),
  );
  const power = Math.pow(10, Math.floor(Math.log10(metres)));
  const round = power * ([5, 2, 1].find((factor) => factor * power <= metres) || 1);
  const length = (round / metres) * 120;
  const bottom = height + HEAD;
  ink.fillStyle = SHEET.scale;
  ink.fillRect(12, bottom - 34, length + 16, 26);
  ink.strokeStyle = SHEET.ink;
  ink.lineWidth = 2;
  ink.strokeRect(20, bottom - 14, length, 0.01);
  const text = round >= 1000 ? `${round / 1000} km` : `${round} m`;
  drawText(ink, text, { left: 20, top: bottom - 32, width: 120, size: 12 });
}

/**
 * @param {CanvasRenderingContext2D} ink
 * @param {MapContext} context
 * @param {string} title
 * @param {DOMRect} frame
 */
function drawMargins(ink, { t, config }, title, frame) {
  const { width, height } = ink.canvas;
  const heading = { colour: SHEET.title, weight: 600, size: 19 };
  drawText(ink, `gridcover · ${title}`, { ...heading, left: 14, top: 10, width: width - 28 });
  const left = frame.width + 16;
  let top = HEAD + 10;
  for (const key of document.querySelectorAll("#content .key")) {
    for (const line of key.querySelectorAll("h2, .legend li, .ramp, .hint")) {
      if (top > height - FOOT - 30) break;
      top = drawLegendLine(ink, t, /** @type {HTMLElement} */ (line), left, top);
    }
  }
  const figures = [...document.querySelectorAll("#content .figures > *")];
  top += 10;
  for (let k = 0; k + 1 < figures.length && top < height - FOOT - 40; k += 2) {
    const place = { left, width: SIDE - 30 };
    top = drawText(ink, figures[k].textContent || "", { ...heading, ...place, top });
    const small = { ...place, size: 12, colour: SHEET.muted };
    top = drawText(ink, figures[k + 1].textContent || "", { ...small, top }) + 4;
  }
  const today = new Date().toISOString().slice(0, 10);
  const user = config.user ? ` · ${config.user}` : "";
  const source = `${byId("provenance").textContent} · ${t.printed} ${today}${user}`;
  const foot = { left: 14, top: height - FOOT + 10, width: width - 28 };
  drawText(ink, source, { ...foot, size: 12, colour: SHEET.muted });
}

/**
 * Draw a line of a legend and return the position of the next one.
 *
 * @param {CanvasRenderingContext2D} ink
 * @param {Texts} t
 * @param {HTMLElement} line
 * @param {number} left
 * @param {number} top
 */
function drawLegendLine(ink, t, line, left, top) {
  const text = line.textContent || "";
  const place = { left, top, width: SIDE - 30, size: 12, colour: SHEET.muted };
  if (line.tagName === "H2") {
    const heading = { ...place, top: top + 4, size: 14, colour: SHEET.ink, weight: 600 };
    return drawText(ink, text, heading) + 4;
  }
  if (line.classList.contains("hint")) return drawText(ink, text, place);
  if (line.classList.contains("ramp")) {
    drawRamp(ink, left, top);
    return drawText(ink, `${t.low} – ${t.heat} – ${t.high}`, { ...place, top: top + 14 });
  }
  const mark = /** @type {HTMLElement | null} */ (line.querySelector(".swatch, .round"));
  if (mark) drawSwatch(ink, mark.style.background || mark.style.backgroundColor, left, top);
  const words = [...line.children].filter((child) => child !== mark);
  const content = words.map((child) => child.textContent).join("   ");
  return drawText(ink, content, { left: left + 32, top, width: SIDE - 60, size: 13 }) + 3;
}

/** @param {CanvasRenderingContext2D} ink @param {number} left @param {number} top */
function drawRamp(ink, left, top) {
  const ramp = ink.createLinearGradient(left, 0, left + 200, 0);
  const last = HEAT_COLOURS.length - 1;
  HEAT_COLOURS.forEach((colour, k) => ramp.addColorStop(k / last, colour));
  ink.fillStyle = ramp;
  ink.fillRect(left, top, 200, 10);
}

/**
 * @param {CanvasRenderingContext2D} ink
 * @param {string} colour
 * @param {number} left
 * @param {number} top
 */
function drawSwatch(ink, colour, left, top) {
  ink.fillStyle = colour;
  ink.fillRect(left, top + 1, 24, 13);
  ink.strokeStyle = SHEET.frame;
  ink.lineWidth = 1;
  ink.strokeRect(left, top + 1, 24, 13);
}
