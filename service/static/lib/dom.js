/* Elements made of data as text nodes, never as HTML. */

/**
 * Return a new element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown> | null} [attributes] `onclick` and the like add a listener,
 *   `true` sets an empty attribute, `false` and `null` set none.
 * @param {...(Node | string | null | undefined)} children strings become text nodes
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child != null) element.append(child);
  return element;
}

/**
 * Return a new SVG element.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @returns {SVGElement}
 */
export function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return /** @type {SVGElement} */ (element);
}

/**
 * Return the element of an id that the page's template has.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`#${id} is not on this page`);
  return /** @type {T} */ (element);
}

/**
 * Show a message at the edge of the page; no text hides it.
 *
 * @param {string} [text]
 */
export function showNotice(text) {
  const box = byId("notice");
  box.textContent = text || "";
  box.hidden = !text;
}

/**
 * Return a button.
 *
 * @param {Record<string, unknown>} attributes
 * @param {...(Node | string | null)} children
 */
export function button(attributes, ...children) {
  return el("button", { type: "button", ...attributes }, ...children);
}

/**
 * Return a drop-down list.
 *
 * @param {Record<string, unknown>} attributes
 * @param {readonly (readonly [string | number, string])[]} options value and text of each
 * @param {string | number} [selected] value of the one that is selected
 */
export function selectList(attributes, options, selected) {
  return el(
    "select",
    attributes,
    ...options.map(([value, text]) => el("option", { value, selected: value === selected }, text)),
  );
}

/**
 * Return a table of text with headings, which scrolls if it is wider than its container.
 *
 * @param {readonly (string | null)[]} headings
 * @param {readonly (readonly (Node | string | null | undefined)[])[]} rows
 */
export function entriesTable(headings, rows) {
  return el(
    "div",
    { class: "scroll", tabindex: "0" },
    el(
      "table",
      { class: "entries" },
      el("thead", {}, headingRow(headings)),
      el(
        "tbody",
        {},
        ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell ?? "")))),
      ),
    ),
  );
}

/**
 * Return a row of column headings.
 *
 * @param {readonly (Node | string | null)[]} headings
 */
export function headingRow(headings) {
  return el("tr", {}, ...headings.map((heading) => el("th", { scope: "col" }, heading)));
}

/**
 * Add one to a counter in the attributes of an element or of the page, which tests and the video
 * wall observe.
 *
 * @param {string} name
 * @param {HTMLElement} [element]
 */
export function countUp(name, element = document.body) {
  element.dataset[name] = String(Number(element.dataset[name] || 0) + 1);
}

/** Mark the page as ready for tests and for the video wall. */
export function markReady() {
  document.body.dataset.ready = "true";
}

/**
 * Return the text of the option that is selected.
 *
 * @param {HTMLSelectElement} select
 */
export function selectedText(select) {
  return select.selectedOptions[0]?.textContent || "";
}

/**
 * Mark one element among those of a list as the chosen one.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement} chosen
 */
export function markChosen(list, chosen) {
  list.querySelectorAll(".chosen").forEach((element) => element.classList.remove("chosen"));
  chosen.classList.add("chosen");
}

/**
 * Let the browser save a file.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function downloadBlob(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/**
 * Call a function on the Escape key.
 *
 * @param {() => void} action
 */
export function onEscape(action) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") action();
  });
}
