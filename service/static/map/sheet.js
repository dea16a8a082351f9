/* Export of a map: print, PNG, PDF, or one HTML file that opens without a network. */

import { button, byId, downloadBlob, el } from "../lib/dom.js";
import { savedPageHtml } from "./save_page.js";
import { drawSheet } from "./sheet_drawing.js";

const QUALITY = 0.92;
const MARGIN_MM = 8;

/**
 * Add the export section to the panel.
 *
 * @param {MapContext} context
 * @param {PageSummary} page
 */
export function addSheetBox(context, page) {
  const { t, isSaved } = context;
  const status = el("span", { class: "hint", role: "status" });
  /** @type {[string, (context: MapContext, page: PageSummary) => Promise<void>][]} */
  const forms = [
    ["PNG", savePng],
    ["PDF", savePdf],
    [t.print, printSheet],
  ];
  if (!isSaved) forms.push([t.save_file, savePage]);
  const buttons = forms.map(([text, make]) => {
    const control = button({}, text);
    control.addEventListener("click", () => run(t, control, status, () => make(context, page)));
    return control;
  });
  const row = el("p", { class: "row" }, ...buttons);
  const box = el("details", { class: "hand-in" }, el("summary", {}, t.hand_in), row, status);
  byId("provenance").before(box);
}

/**
 * @param {Texts} t
 * @param {HTMLButtonElement} control
 * @param {HTMLElement} status
 * @param {() => Promise<void>} task
 */
async function run(t, control, status, task) {
  control.disabled = true;
  status.textContent = t.making;
  try {
    await task();
    status.textContent = "";
  } catch (error) {
    status.textContent = `${t.error_title}: ${/** @type {Error} */ (error).message}`;
  } finally {
    control.disabled = false;
  }
}

/** @param {MapContext} context @param {PageSummary} page */
function sheetTitle({ t, config }, page) {
  return `${t[config.page]}${page.describe ? ` – ${page.describe()}` : ""}`;
}

/** @param {string} title @param {string} ending */
function fileName(title, ending) {
  return `${title.replace(/[\\/:*?"<>|\s]+/g, "_").slice(0, 80)}.${ending}`;
}

/**
 * Record the export in the audit log before the file is made.
 *
 * @param {MapContext} context
 * @param {string} format
 * @param {string} title
 */
async function recordExport({ client, config, isSaved }, format, title) {
  if (isSaved) return;
  const content = { page: config.page, format, title: title.slice(0, 300) };
  await client.send("POST", "audit/exports", content);
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
function pngBlob(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("PNG"))), "image/png");
  });
}

/** @param {MapContext} context @param {PageSummary} page */
async function savePng(context, page) {
  const title = sheetTitle(context, page);
  await recordExport(context, "png", title);
  downloadBlob(await pngBlob(drawSheet(context, title)), fileName(title, "png"));
}

/** @param {MapContext} context @param {PageSummary} page */
async function savePdf(context, page) {
  const title = sheetTitle(context, page);
  await recordExport(context, "pdf", title);
  const address = `${context.config.static}/vendor/jspdf/jspdf.umd.min.js`;
  if (!window.jspdf) await loadScript(address);
  if (!window.jspdf) throw new Error(address);
  const canvas = drawSheet(context, title);
  const format = { orientation: "landscape", unit: "mm", format: "a4", compress: true };
  const pdf = new window.jspdf.jsPDF(/** @type {any} */ (format));
  const { pageSize } = pdf.internal;
  const scale = Math.min(
    (pageSize.getWidth() - 2 * MARGIN_MM) / canvas.width,
    (pageSize.getHeight() - 2 * MARGIN_MM) / canvas.height,
  );
  const image = canvas.toDataURL("image/jpeg", QUALITY);
  const size = [canvas.width * scale, canvas.height * scale];
  pdf.addImage(image, "JPEG", MARGIN_MM, MARGIN_MM, size[0], size[1]);
  pdf.setProperties({ title, creator: "gridcover" });
  downloadBlob(pdf.output("blob"), fileName(title, "pdf"));
}

/** @param {string} address @returns {Promise<void>} */
function loadScript(address) {
  return new Promise((resolve, reject) => {
    const script = el("script", { src: address });
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(address));
    document.head.append(script);
  });
}

/** @param {MapContext} context @param {PageSummary} page */
async function printSheet(context, page) {
  const title = sheetTitle(context, page);
  await recordExport(context, "print", title);
  document.querySelector(".print-sheet")?.remove();
  const image = el("img", { class: "print-sheet", alt: title });
  const shown = new Promise((resolve) => {
    image.onload = resolve;
  });
  image.src = drawSheet(context, title).toDataURL("image/png");
  document.body.append(image);
  await shown;
  window.print();
}

/** @param {MapContext} context @param {PageSummary} page */
async function savePage(context, page) {
  const title = sheetTitle(context, page);
  await recordExport(context, "html", title);
  const html = await savedPageHtml(context, title, page.tileSets || []);
  downloadBlob(new Blob([html], { type: "text/html" }), fileName(title, "html"));
  document.body.dataset.saved = String(html.length);
}
