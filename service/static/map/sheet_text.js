/* Text on a canvas, broken into lines. */

import { SHEET } from "../lib/colours.js";

/**
 * Return the pieces of a text between which lines may break: Chinese anywhere, English at spaces.
 *
 * @param {string} text
 */
export function breakableParts(text) {
  return /[\u4e00-\u9fff]/.test(text) ? [...text] : text.split(/(?<=\s)/);
}

/**
 * Draw a text and return the position of the next line.
 *
 * @param {CanvasRenderingContext2D} ink
 * @param {string} text
 * @param {object} place
 * @param {number} place.left
 * @param {number} place.top
 * @param {number} place.width of the lines
 * @param {number} place.size of the letters
 * @param {string} [place.colour]
 * @param {number} [place.weight]
 */
export function drawText(ink, text, { left, top, width, size, colour = SHEET.ink, weight = 400 }) {
  ink.font = `${weight} ${size}px system-ui, "Noto Sans CJK SC", sans-serif`;
  ink.fillStyle = colour;
  ink.textAlign = "left";
  ink.textBaseline = "top";
  let line = "";
  let bottom = top;
  for (const part of breakableParts(text)) {
    if (line && ink.measureText(line + part).width > width) {
      ink.fillText(line, left, bottom);
      line = "";
      bottom += size * 1.4;
    }
    line += part;
  }
  ink.fillText(line, left, bottom);
  return bottom + size * 1.4;
}
