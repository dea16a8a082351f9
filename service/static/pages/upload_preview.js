/* What the preview of a file shows: columns, first rows, what cannot be used and why. */

import { button, el, entriesTable } from "../lib/dom.js";
import { fillIn, joinWords, reasonIn, reasonText } from "../lib/format.js";
import { fieldText } from "./upload_columns.js";

const ROWS = 8; // of the table; the map shows more
const KEY_COLUMNS = ["code", "id", "source_id", "occurred_at"];

/**
 * Return whether the columns of a register can be mapped; those of an extract cannot.
 *
 * @param {string} layer
 */
export function hasMapping(layer) {
  return layer !== "osm";
}

/**
 * Return the preview of a file that can be imported, and the container of its map.
 *
 * @param {PreviewContext} context
 * @param {Job} job
 * @param {File} file
 */
export function importPreview({ config, integer, columns, onChange, actions }, job, file) {
  const { t } = config;
  const { outcome } = job;
  const first = (outcome.sample || []).slice(0, ROWS);
  const mapPlace = el("div", { class: "upload-map", role: "img", "aria-label": t.upload_map });
  const used = outcome.layers
    ? layersTable(outcome.layers, t, integer)
    : titled(t.upload_columns, columns.table(outcome.preview, outcome.layer, onChange));
  const counts = ["read", "accepted", "repaired", "rejected"];
  const summary = fillIn(
    t.upload_read,
    Object.fromEntries(
      counts.map((key) => [key === "read" ? "n" : key, integer.format(outcome[key])]),
    ),
  );
  const mapping = el("input", {
    name: "save_mapping",
    maxlength: "100",
    placeholder: t.upload_save_hint,
  });
  const rows = outcome.layers ? [] : [el("h3", {}, t.upload_rows), rowsTable(outcome, first, t)];
  const content = [
    el("h3", {}, `${file.name}: ${summary}`),
    el(
      "div",
      { class: "columns even" },
      used,
      titled(t.upload_map, mapPlace),
      reasonsTable(job, config, integer),
    ),
    ...rows,
    el("p", { class: "hint", id: "stale", hidden: true, role: "status" }, t.upload_stale),
    el(
      "div",
      { class: "upload-end" },
      hasMapping(outcome.layer) ? el("label", {}, t.upload_save, mapping) : null,
      againButton(t, actions, true),
      confirmButton(outcome, t, integer, () => actions.store(mapping.value.trim())),
      leaveButton(t, actions),
    ),
  ];
  return { content, mapPlace };
}

/**
 * Return the preview of a file whose columns or options are missing, for the user to choose.
 *
 * @param {PreviewContext} context
 * @param {any} outcome of the job
 * @param {string} layer
 * @param {File} file
 */
export function openQuestions({ config, columns, onChange, actions }, outcome, layer, file) {
  const { t } = config;
  const { missing, headers, rows } = /** @type {ImportPreview} */ (outcome.preview);
  if (missing.length) columns.propose(outcome.preview);
  const names = missing.map((name) => fieldText(t, name));
  const problem = missing.length
    ? t.upload_missing.replace("{columns}", joinWords(names, config.language))
    : `${t.upload_refused}: ${reasonIn(outcome, config.language)}`;
  const hint = missing.includes("occurred_at") ? t.upload_no_time : t.upload_no_key;
  const needsHint = missing.length && needsOptions(outcome.preview) && hasMapping(layer);
  const table = columns.table(outcome.preview, layer, onChange);
  return [
    el("p", { class: "wrong", role: "alert" }, problem),
    needsHint ? el("p", { class: "hint" }, hint) : "",
    el(
      "div",
      { class: "columns halves" },
      titled(`${file.name}: ${t.upload_columns}`, table),
      titled(
        t.upload_rows,
        entriesTable(
          headers.map((use) => use.header),
          rows,
        ),
      ),
    ),
    el("div", { class: "upload-end" }, againButton(t, actions, false), leaveButton(t, actions)),
  ];
}

/**
 * Return whether an option of the form can help: nothing is missing, or only a key or time that
 * no column provides.
 *
 * @param {ImportPreview} preview
 */
export function needsOptions({ missing, headers }) {
  if (!missing.length) return true;
  const offered = headers.map((use) => use.proposed);
  return missing.some((name) => KEY_COLUMNS.includes(name) && !offered.includes(name));
}

/** @param {string} title @param {...(Node | null)} content */
function titled(title, ...content) {
  return el("div", {}, el("h3", {}, title), ...content);
}

/**
 * Return the rows of an extract by layer, and the layers skipped because they have rows of
 * another source.
 *
 * @param {any[]} layers
 * @param {Texts} t
 * @param {Intl.NumberFormat} integer
 */
function layersTable(layers, t, integer) {
  const rows = layers.map(({ layer, left_alone: leftAlone, stored, skipped }) => [
    t[`layer_${layer}`] || layer,
    leftAlone
      ? t.upload_left_alone.replace("{n}", integer.format(leftAlone))
      : integer.format(stored),
    integer.format(Object.values(skipped).reduce((sum, count) => sum + count, 0)),
  ]);
  return titled(t.upload_layers, entriesTable([t.register, t.rows, t.upload_skipped], rows));
}

/** @param {any} outcome @param {any[]} first @param {Texts} t */
function rowsTable(outcome, first, t) {
  const names = Object.keys(outcome.recognised).filter((name) =>
    first.some(({ properties }) => properties[name] != null),
  );
  return entriesTable(
    names.map((name) => fieldText(t, name)),
    first.map(({ properties }) =>
      names.map((name) => (properties[name] == null ? "" : String(properties[name]))),
    ),
  );
}

/** @param {Job} job @param {PageConfig} config @param {Intl.NumberFormat} integer */
function reasonsTable(job, { t, api, language }, integer) {
  const rows = job.outcome.reasons.map((/** @type {any} */ row) => [
    t[`action_${row.action}`] || row.action,
    reasonText(t, row.reason),
    integer.format(row.count),
  ]);
  const table = rows.length
    ? entriesTable([t.upload_action, t.upload_reason, t.rows], rows)
    : el("p", {}, t.nothing_found);
  const report = el("a", { href: `${api}/jobs/${job.id}/report?lang=${language}` }, t.jobs_report);
  return titled(t.upload_reasons, table, job.has_report ? el("p", {}, report) : null);
}

/**
 * @param {any} outcome
 * @param {Texts} t
 * @param {Intl.NumberFormat} integer
 * @param {() => void} store
 */
function confirmButton(outcome, t, integer, store) {
  const text = outcome.rejected ? t.upload_confirm_some : t.upload_confirm;
  const confirm = button(
    { class: "main", id: "confirm", disabled: outcome.accepted === 0 },
    text.replace("{n}", integer.format(outcome.accepted)),
  );
  confirm.addEventListener("click", () => {
    confirm.disabled = true;
    store();
  });
  return confirm;
}

/** @param {Texts} t @param {PreviewActions} actions @param {boolean} hidden */
function againButton(t, actions, hidden) {
  return button({ class: "main", id: "again", hidden, onclick: actions.again }, t.upload_again);
}

/** @param {Texts} t @param {PreviewActions} actions */
function leaveButton(t, actions) {
  return button({ onclick: actions.leave }, t.upload_cancel);
}
