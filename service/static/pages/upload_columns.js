/* The columns of a file that is previewed: each header with a choice of the register's columns. */

import { button, el, headingRow, selectList } from "../lib/dom.js";
import { fillIn } from "../lib/format.js";

const EXTRA = "extra"; // stores the cell unchanged with the row
const EXAMPLES = 3;

/**
 * Return the choice of columns for the headers of a file.
 *
 * @param {JobsConfig} config
 */
export function createColumnChoice(config) {
  /** @type {Map<string, string>} header to column, as the user or a proposal has it */
  const chosen = new Map();
  return {
    clear: () => chosen.clear(),
    renames: () => (chosen.size ? JSON.stringify(Object.fromEntries(chosen)) : ""),
    /** @param {ImportPreview} preview */
    propose: (preview) => takeProposals(preview, chosen),
    /**
     * Return a table of the headers with a choice for each.
     *
     * @param {ImportPreview} preview
     * @param {string} layer
     * @param {() => void} onChange
     */
    table: (preview, layer, onChange) => columnTable(config, chosen, preview, layer, onChange),
  };
}

/**
 * If columns are missing, proposals from the content of cells are used until the user changes
 * them.
 *
 * @param {ImportPreview} preview
 * @param {Map<string, string>} chosen
 */
function takeProposals(preview, chosen) {
  const used = new Set([...preview.headers.map((use) => use.column), ...chosen.values()]);
  for (const use of preview.headers) {
    if (use.proposed && !chosen.has(use.header) && !used.has(use.proposed)) {
      chosen.set(use.header, use.proposed);
    }
  }
}

/** @param {HeaderUse} use @param {ReadonlyMap<string, string>} chosen */
const columnOf = (use, chosen) => chosen.get(use.header) || use.column || EXTRA;

/**
 * @param {JobsConfig} config
 * @param {Map<string, string>} chosen
 * @param {ImportPreview} preview
 * @param {string} layer
 * @param {() => void} onChange
 */
function columnTable(config, chosen, preview, layer, onChange) {
  const { t } = config;
  /** @type {Map<string, HTMLSelectElement>} */
  const selects = new Map();
  /** @param {string} header @param {string} column */
  const set = (header, column) => {
    chosen.set(header, column);
    const select = selects.get(header);
    if (select) select.value = column;
  };
  /** @param {HeaderUse} use @param {string} column */
  const choose = (use, column) => {
    set(use.header, column);
    // A column has one header.
    for (const other of preview.headers) {
      if (column !== EXTRA && other !== use && columnOf(other, chosen) === column) {
        set(other.header, EXTRA);
      }
    }
    onChange();
  };
  const rows = preview.headers.map((use, k) => {
    const select = columnSelect(config, layer, use);
    select.addEventListener("change", () => choose(use, select.value));
    select.value = columnOf(use, chosen);
    selects.set(use.header, select);
    const examples = preview.rows
      .map((row) => row[k])
      .filter(Boolean)
      .slice(0, EXAMPLES);
    return columnRow(t, use, chosen, select, examples.join(" · "), choose);
  });
  const head = headingRow([t.upload_header, t.upload_field]);
  const table = el("table", { class: "entries mapping" }, el("thead", {}, head));
  table.append(el("tbody", {}, ...rows));
  return el("div", { class: "scroll", tabindex: "0" }, table);
}

/** @param {JobsConfig} config @param {string} layer @param {HeaderUse} use */
function columnSelect({ t, columns }, layer, use) {
  const isSecret = use.how === "secret";
  return selectList({ "aria-label": `${use.header}: ${t.upload_field}`, disabled: isSecret }, [
    [EXTRA, isSecret ? t.upload_secret : t.upload_keep_extra],
    ...columns[layer].map((name) => /** @type {[string, string]} */ ([name, fieldText(t, name)])),
  ]);
}

/**
 * @param {Texts} t
 * @param {HeaderUse} use
 * @param {ReadonlyMap<string, string>} chosen
 * @param {HTMLSelectElement} select
 * @param {string} examples
 * @param {(use: HeaderUse, column: string) => void} choose
 */
function columnRow(t, use, chosen, select, examples, choose) {
  const { proposed } = use;
  const isProposal = !!proposed && chosen.get(use.header) === proposed;
  const hint = columnHint(t, use, isProposal);
  /** @type {HTMLButtonElement | null} */
  let take = null;
  if (proposed && columnOf(use, chosen) !== proposed) {
    const accept = () => {
      choose(use, proposed);
      take?.remove();
    };
    take = button({ class: "small", onclick: accept }, t.upload_use);
  }
  return el(
    "tr",
    { "data-how": isProposal ? "proposed" : use.how },
    el("th", { scope: "row" }, use.header, el("small", {}, examples)),
    el("td", {}, select, hint ? el("small", {}, hint, " ", take) : null),
  );
}

/** @param {Texts} t @param {HeaderUse} use @param {boolean} isProposal */
function columnHint(t, use, isProposal) {
  if (isProposal) return `${t.upload_proposed}: ${evidenceText(t, use)}`;
  if (use.proposed) {
    const maybe = t.upload_may_be.replace("{column}", fieldText(t, use.proposed));
    return `${maybe}: ${evidenceText(t, use)}`;
  }
  if (use.how === "guessed") return t.upload_guessed;
  return use.how === "given" ? t.upload_given : null;
}

/** @param {Texts} t @param {HeaderUse} use */
function evidenceText(t, use) {
  const text = t[`evidence_${use.evidence_kind}`];
  return text ? fillIn(text, use.facts) : use.evidence;
}

/**
 * Return the name of a column of a register.
 *
 * @param {Texts} t
 * @param {string} column
 */
export function fieldText(t, column) {
  return t[`field_${column}`] || column;
}
