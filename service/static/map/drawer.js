/* A card in place of the panel's content, with a way back. */

import { button, el, onEscape } from "../lib/dom.js";

/**
 * Return the drawer of a map page.
 *
 * @param {HTMLElement} content of the panel
 * @param {Texts} t
 * @returns {Drawer}
 */
export function createDrawer(content, t) {
  /** @type {(() => void)[]} */
  const listeners = [];
  const element = el("section", { id: "drawer", hidden: true, "aria-live": "polite" });
  content.after(element);

  function close() {
    element.hidden = true;
    content.hidden = false;
    delete document.body.dataset.card;
    listeners.forEach((listener) => listener());
  }

  onEscape(() => {
    if (!element.hidden) close();
  });
  return {
    show(key, ...nodes) {
      const back = button({ class: "back", onclick: close }, `‹ ${t.back}`);
      element.replaceChildren(back, ...nodes.filter((node) => node != null));
      element.hidden = false;
      content.hidden = true;
      element.scrollTop = 0;
      document.body.dataset.card = key;
    },
    onClose: (listener) => listeners.push(listener),
  };
}
