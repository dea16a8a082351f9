/* Tiles are drawn as many as fit into a frame, so that a map that is dragged goes on moving. */

import { pause } from "../lib/time.js";

const FRAME_MS = 8;
const RESTING_MS = 40; // nobody drags a page that is not there yet, or that nobody touches
const TOUCH_MS = 400;

/** @type {(() => void)[]} */
const waiting = [];
let drawing = false;
let lastTouch = -Infinity;

for (const kind of ["pointerdown", "pointermove", "wheel", "keydown"]) {
  const note = () => {
    lastTouch = performance.now();
  };
  document.addEventListener(kind, note, { passive: true, capture: true });
}

/**
 * Wait until there is time to draw a tile.
 *
 * @returns {Promise<void>}
 */
export function tileTurn() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (!drawing) drawWaiting();
  });
}

async function drawWaiting() {
  drawing = true;
  while (waiting.length) {
    await nextFrame();
    const start = performance.now();
    const isTouched = document.body.dataset.ready && start - lastTouch < TOUCH_MS;
    const budget = isTouched ? FRAME_MS : RESTING_MS;
    while (waiting.length && performance.now() - start < budget) {
      waiting.shift()?.();
      // Work that waits for the promise runs before the clock is read.
      for (let k = 0; k < 6; k++) await null;
    }
  }
  drawing = false;
}

/** @returns {Promise<unknown>} */
function nextFrame() {
  return document.hidden ? pause(0) : new Promise((resolve) => requestAnimationFrame(resolve));
}
