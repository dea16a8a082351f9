/* What a click on the map means: a task may wait for one, else it opens what lies there. */

import { onEscape } from "../lib/dom.js";

/**
 * Return the click mode of a map. Only one task waits at a time; Escape cancels it.
 *
 * @param {L.Map} map
 * @returns {ClickMode}
 */
export function createClickMode(map) {
  /** @type {ClickTask | null} */
  let waiting = null;
  /** @type {((event: L.LeafletMouseEvent) => void)[]} */
  const listeners = [];

  /** @param {ClickTask | null} task */
  function start(task) {
    const ended = waiting;
    waiting = task;
    map.getContainer().classList.toggle("placing", !!task);
    ended?.onEnd();
  }

  map.on("click", (event) => {
    const task = waiting;
    if (task) {
      start(null);
      task.onClick(event);
    } else listeners.forEach((listener) => listener(event));
  });
  onEscape(() => {
    if (waiting) start(null);
  });
  return { start, onPlainClick: (listener) => listeners.push(listener) };
}
