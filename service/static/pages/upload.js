/* A file is previewed before it is imported: columns as they are understood and may be corrected,
   the first rows on a map, what cannot be used and why. Nothing is stored until that is confirmed.
   */

import { queryString } from "../lib/api.js";
import { byId, el } from "../lib/dom.js";
import { fillIn, numberFormats, reasonIn } from "../lib/format.js";
import { pause } from "../lib/time.js";
import { createColumnChoice } from "./upload_columns.js";
import { drawSample } from "./upload_map.js";
import { hasMapping, importPreview, needsOptions, openQuestions } from "./upload_preview.js";

const OPTIONS = ["datum", "crs", "source", "key", "occurred", "date_order", "encoding", "mapping"];
const POLL_MS = 500;

/**
 * @typedef {object} UploadView
 * @property {JobsConfig} config
 * @property {ApiClient} client
 * @property {HTMLFormElement} form
 * @property {HTMLElement} box of the preview
 * @property {ColumnChoice} columns
 * @property {string} uploadKey under which the service keeps the file for another try
 * @property {L.Map | null} map of the rows
 */

/**
 * Show the form for files, and previews of them.
 *
 * @param {JobsConfig} config
 * @param {ApiClient} client
 */
export function showUpload(config, client) {
  /** @type {UploadView} */
  const view = {
    config,
    client,
    form: byId("upload"),
    box: byId("preview"),
    columns: createColumnChoice(config),
    uploadKey: "",
    map: null,
  };
  view.form.addEventListener("submit", (event) => {
    event.preventDefault();
    preview(view);
  });
  view.form.addEventListener("change", (event) => {
    onFormChange(view, /** @type {HTMLInputElement} */ (event.target).name);
  });
  byId("forget").addEventListener("click", () => forgetMapping(view));
  fitForm(view);
}

/** @param {UploadView} view @param {string} name @returns {any} an input or a list of the form */
const field = (view, name) => view.form.elements.namedItem(name);

/** @param {UploadView} view @returns {string} */
const layerOf = (view) => field(view, "layer").value;

/** @param {UploadView} view */
async function preview(view) {
  const file = field(view, "file").files[0];
  showProgress(view, view.config.t.upload_reading);
  try {
    const job = await sendFile(view, file, { dry_run: "true" });
    showOutcome(view, await finished(view, job.id), file);
  } catch (error) {
    showError(view, error);
  }
}

/**
 * Request an import. The file itself is sent once; later requests name the stored upload.
 *
 * @param {UploadView} view
 * @param {File} file
 * @param {Record<string, string>} more parameters
 * @returns {Promise<Job>}
 */
async function sendFile(view, file, more) {
  /** @param {string} key */
  const path = (key) => {
    const renames = view.columns.renames();
    const parameters = { name: file.name, layer: layerOf(view), ...optionValues(view) };
    return `jobs/import?${queryString({ ...parameters, rename: renames, upload: key, ...more })}`;
  };
  if (view.uploadKey) {
    try {
      return await view.client.send("POST", path(view.uploadKey));
    } catch (error) {
      if (/** @type {any} */ (error).status !== 410) throw error;
    }
  }
  const job = await view.client.send("POST", path(""), file);
  view.uploadKey = job.arguments.upload;
  return job;
}

/**
 * @param {UploadView} view
 * @returns {Record<string, string>} without what is hidden for the layer
 */
function optionValues(view) {
  const inputs = OPTIONS.map((name) => field(view, name)).filter((one) => !one.closest("[hidden]"));
  return Object.fromEntries(inputs.map((input) => [input.name, input.value.trim()]));
}

/** @param {UploadView} view @param {number} id @returns {Promise<Job>} a job once it has ended */
async function finished(view, id) {
  for (;;) {
    const job = await view.client.get(`jobs/${id}`);
    if (!["waiting", "running", "cancelling"].includes(job.state)) return job;
    showProgress(view, `${view.config.t[`state_${job.state}`]} ${job.step || ""}`);
    await pause(POLL_MS);
  }
}

/** @param {UploadView} view @param {string} state @param {...(Node | string)} content */
function showBox(view, state, ...content) {
  view.box.hidden = false;
  view.box.dataset.state = state;
  view.box.replaceChildren(...content);
}

/** @param {UploadView} view @param {string} text */
function showProgress(view, text) {
  showBox(view, "busy", el("p", { role: "status" }, text));
}

/** @param {UploadView} view @param {string} text */
function showRefusal(view, text) {
  showBox(view, "refused", el("p", { class: "wrong", role: "alert" }, text));
}

/** @param {UploadView} view @param {any} error */
function showError(view, error) {
  showRefusal(view, `${view.config.t.error_title}: ${error.message}`);
}

/** @param {UploadView} view @param {Job} job @param {File} file */
function showOutcome(view, job, file) {
  const { t } = view.config;
  const outcome = job.outcome || {};
  view.map?.remove();
  view.map = null;
  const context = previewContext(view, file, outcome);
  if (outcome.recognised) {
    const { content, mapPlace } = importPreview(context, job, file);
    showBox(view, "busy", ...content);
    view.map = drawSample(view.client, mapPlace, outcome.sample || []);
    view.box.dataset.state = "ready";
  } else if (outcome.preview) {
    const layer = layerOf(view);
    if (needsOptions(outcome.preview) && hasMapping(layer)) {
      /** @type {HTMLDetailsElement} */ (view.form.querySelector("details")).open = true;
    }
    showBox(view, "columns", ...openQuestions(context, outcome, layer, file));
  } else
    showRefusal(
      view,
      `${t.upload_refused}: ${reasonIn(outcome, view.config.language) || job.state}`,
    );
}

/** @param {UploadView} view @param {File} file @param {any} outcome @returns {PreviewContext} */
function previewContext(view, file, outcome) {
  return {
    config: view.config,
    integer: numberFormats(view.config.language).integer,
    columns: view.columns,
    onChange: () => markStale(),
    actions: {
      again: () => view.form.requestSubmit(),
      leave: () => {
        view.box.hidden = true;
        resetForm(view);
      },
      store: (mappingName) => store(view, file, outcome.rejected, mappingName),
    },
  };
}

/** What is shown is no longer what would be stored. */
function markStale() {
  const confirm = document.getElementById("confirm");
  if (confirm) /** @type {HTMLButtonElement} */ (confirm).disabled = true;
  for (const id of ["again", "stale"]) {
    const element = document.getElementById(id);
    if (element) element.hidden = false;
  }
}

/**
 * @param {UploadView} view
 * @param {File} file
 * @param {number} rejected
 * @param {string} mappingName
 */
async function store(view, file, rejected, mappingName) {
  const { t, language } = view.config;
  const { integer } = numberFormats(language);
  const layer = layerOf(view);
  try {
    const parameters = { accept_rejects: rejected ? "true" : "", save_mapping: mappingName };
    const job = await finished(view, (await sendFile(view, file, parameters)).id);
    if (job.state === "done") {
      const keys = ["inserted", "updated", "unchanged"];
      const counts = keys.map((key) => [key, integer.format(job.outcome[key])]);
      const text = fillIn(t.upload_done, Object.fromEntries(counts));
      showBox(view, "done", el("p", { class: "good", role: "status" }, text));
    } else {
      const text = `${t.upload_refused}: ${reasonIn(job.outcome || {}, language) || job.state}`;
      showBox(view, "refused", el("p", { class: "wrong", role: "status" }, text));
    }
    resetForm(view, layer); // the next file is often of the same kind
  } catch (error) {
    showError(view, error);
  }
}

/** @param {UploadView} view @param {string} [layer] that stays chosen */
function resetForm(view, layer) {
  view.form.reset();
  if (layer) field(view, "layer").value = layer;
  view.columns.clear();
  view.uploadKey = "";
  fitForm(view);
}

/** Show the fields that the layer has. @param {UploadView} view */
function fitForm(view) {
  const layer = layerOf(view);
  const details = /** @type {HTMLElement} */ (view.form.querySelector("details"));
  details.hidden = !hasMapping(layer);
  for (const name of ["occurred", "source"]) {
    field(view, name).closest("label").hidden = layer !== "incidents";
  }
  for (const name of ["datum", "crs", "key", "date_order"]) {
    field(view, name).closest("label").hidden = layer === "grid-staff";
  }
  listMappings(view).catch((error) => showError(view, error));
}

/** @param {UploadView} view */
async function listMappings(view) {
  const layer = layerOf(view);
  const select = field(view, "mapping");
  const mappings = hasMapping(layer) ? await view.client.get("imports/mappings", { layer }) : [];
  if (layer !== layerOf(view)) return;
  const names = mappings.map((/** @type {{name: string}} */ mapping) => mapping.name);
  const before = select.value; // of now: it may have been changed while the answer was on its way
  const none = el("option", { value: "" }, view.config.t.upload_no_mapping);
  const options = names.map((/** @type {string} */ name) => el("option", { value: name }, name));
  select.replaceChildren(none, ...options);
  select.value = names.includes(before) ? before : "";
  select.closest("label").hidden = !names.length;
  byId("forget").hidden = !select.value;
}

/** @param {UploadView} view */
async function forgetMapping(view) {
  const query = queryString({ layer: layerOf(view), name: field(view, "mapping").value });
  try {
    await view.client.send("DELETE", `imports/mappings?${query}`);
    await listMappings(view);
    markStale();
  } catch (error) {
    showError(view, error);
  }
}

/** @param {UploadView} view @param {string} name of the field that changed */
function onFormChange(view, name) {
  if (name === "file") view.uploadKey = "";
  if (["file", "layer", "mapping"].includes(name)) view.columns.clear();
  if (name === "layer") fitForm(view);
  if (["file", "layer"].includes(name)) view.box.hidden = true;
  byId("forget").hidden = !field(view, "mapping").value;
  markStale();
}
