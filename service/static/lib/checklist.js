/* The set-up checklist: what is there, what is missing, and what it would improve. */

import { el } from "./dom.js";
import { numberFormats } from "./format.js";

const MARKS = { present: "✓", partial: "◐", missing: "○" };

/**
 * Return the checklist and the sentence above it.
 *
 * @param {ApiClient} client
 * @param {PageConfig} config
 * @param {readonly string[]} [keys] of the steps that are listed; all without
 */
export async function loadChecklist(client, config, keys) {
  const status = /** @type {SetupStatus} */ (await client.get("setup/status"));
  const steps = status.steps.filter((step) => !keys || keys.includes(step.key));
  const lines = steps.map((step) => stepLine(step, config, status.next));
  return {
    status,
    headline: headline(status, config.t),
    list: el("ol", { class: "checklist" }, ...lines),
  };
}

/**
 * Return the content of a page without results: the next steps and links to them.
 *
 * @param {ApiClient} client
 * @param {PageConfig} config
 * @param {string} title
 * @param {readonly string[]} [keys] of the steps that the page needs; all without
 */
export async function nextSteps(client, config, title, keys) {
  const { t } = config;
  const { status, headline: sentence, list } = await loadChecklist(client, config, keys);
  const nothingYet = status.steps.every((step) => step.state === "missing");
  const link = el("a", { href: `/setup?lang=${config.language}` }, t.setup_all);
  return el(
    "section",
    { class: "next-steps" },
    el("h2", {}, title),
    el("p", { role: "status" }, status.ready && keys ? "" : sentence),
    list,
    config.manages && nothingYet ? el("p", { class: "hint" }, t.setup_osm) : null,
    el("p", { class: "hint" }, config.manages ? link : t.setup_ask),
  );
}

/** @param {SetupStep} step @param {PageConfig} config @param {string | null} next */
function stepLine(step, config, next) {
  const { t } = config;
  const content = [
    el(
      "span",
      { class: "what" },
      el("strong", {}, t[`setup_${step.key}`]),
      " ",
      el("span", { class: "amount" }, amountText(step, config)),
    ),
  ];
  if (step.state !== "present") {
    content.push(el("span", { class: "improves" }, t[`improves_${step.key}`]));
    if (config.manages && step.command) content.push(el("code", {}, step.command));
  }
  return el(
    "li",
    { class: `${step.state}${step.key === next ? " next" : ""}`, "data-key": step.key },
    el(
      "span",
      { class: "mark", role: "img", "aria-label": t[`setup_${step.state}`] },
      MARKS[step.state],
    ),
    el("div", {}, ...content),
  );
}

/** @param {SetupStep} step @param {PageConfig} config */
function amountText(step, { t, language }) {
  const { integer, percent } = numberFormats(language);
  if (step.share != null) return percent.format(step.share);
  if (step.key === "refresh") return t[`setup_refresh_${step.state}`];
  return step.count ? integer.format(step.count) : t.setup_none;
}

/** @param {SetupStatus} status @param {Texts} t */
function headline(status, t) {
  if (!status.ready) return t.setup_next.replace("{step}", t[`setup_${status.next}`]);
  const complete = status.steps.every((step) => step.state === "present");
  return complete ? t.setup_complete : t.setup_ready;
}
