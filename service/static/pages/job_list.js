/* The list of jobs: arguments, progress and outcome. */

import { button, byId, el, markReady, showNotice } from "../lib/dom.js";
import { joinWords, numberFormats, reasonIn } from "../lib/format.js";

const OPEN_STATES = ["waiting", "running", "cancelling"];
const BUSY_MS = 1500;
const IDLE_MS = 8000;

/**
 * Show the jobs, and update them while the page is open.
 *
 * @param {JobsConfig} config
 * @param {ApiClient} client
 */
export function showJobs(config, client) {
  const { t } = config;
  const locale = config.language === "zh" ? "zh-CN" : "en";
  const clock = new Intl.DateTimeFormat(locale, {
    dateStyle: "short",
    timeStyle: "medium",
    timeZone: config.zone,
  });
  const body = byId("jobs");

  /** @param {any} error */
  const fail = (error) => showNotice(`${t.error_title}: ${error.message}`);

  async function show() {
    const jobs = /** @type {Job[]} */ (await client.get("jobs", { limit: 50 }));
    const rows = jobs.map((job) => jobRow(job, config, client, clock, order));
    const none = el("tr", null, el("td", { colspan: 9 }, t.jobs_none));
    body.replaceChildren(...(rows.length ? rows : [none]));
    showNotice("");
    return jobs.some((job) => OPEN_STATES.includes(job.state));
  }

  /** @param {string} path */
  const order = (path) => client.send("POST", path).then(show).catch(fail);

  async function follow() {
    let busy = false;
    try {
      busy = await show();
      markReady();
    } catch (error) {
      fail(error);
    }
    setTimeout(follow, busy ? BUSY_MS : IDLE_MS);
  }

  byId("refresh").addEventListener("click", () => order("jobs/refresh"));
  follow();
}

/**
 * @param {Job} job
 * @param {JobsConfig} config
 * @param {ApiClient} client
 * @param {Intl.DateTimeFormat} clock
 * @param {(path: string) => void} order
 */
function jobRow(job, config, client, clock, order) {
  const { t } = config;
  const { integer } = numberFormats(config.language);
  const layer = job.arguments.layer
    ? ` ${t[`layer_${job.arguments.layer}`] || job.arguments.layer}`
    : "";
  const canCancel = ["waiting", "running"].includes(job.state);
  const isRunning = ["running", "cancelling"].includes(job.state);
  const cells = [
    String(job.id),
    `${t[`task_${job.task}`] || job.task}${layer}`,
    t[`state_${job.state}`],
    isRunning ? job.step : "",
    job.requested_by,
    clock.format(new Date(job.requested_at)),
    durationText(job, integer),
    outcomeText(job, config, integer),
  ];
  const cancel = () => order(`jobs/${job.id}/cancel`);
  const report = `${client.root}/jobs/${job.id}/report?lang=${config.language}`;
  const actions = el(
    "td",
    null,
    canCancel ? button({ onclick: cancel }, t.jobs_cancel) : null,
    job.has_report ? el("a", { href: report }, t.jobs_report) : null,
  );
  const row = el("tr", { "data-state": job.state });
  row.append(...cells.map((text) => el("td", null, text)), actions);
  return row;
}

/** @param {Job} job @param {Intl.NumberFormat} integer */
function durationText(job, integer) {
  if (!job.started_at) return "";
  const end = job.finished_at ? new Date(job.finished_at) : new Date();
  const seconds = (end.getTime() - new Date(job.started_at).getTime()) / 1000;
  return `${integer.format(Math.max(0, seconds))} s`;
}

/** @param {Job} job @param {PageConfig} config @param {Intl.NumberFormat} integer */
function outcomeText(job, { t, language }, integer) {
  const { outcome } = job;
  if (!outcome) return "";
  if (outcome.missing && outcome.missing.length) {
    const columns = outcome.missing.map((/** @type {string} */ name) => t[`field_${name}`] || name);
    return t.job_missing.replace("{columns}", joinWords(columns, language));
  }
  if (outcome.reason) return reasonIn(outcome, language);
  if (job.task === "refresh") {
    return outcome.computed ? `${t.job_run} ${outcome.run}` : t.job_unchanged;
  }
  const counts = [
    [t.job_inserted, outcome.inserted],
    [t.job_updated, outcome.updated],
    [t.job_same, outcome.unchanged],
    [t.job_rejected, outcome.rejected],
  ];
  return counts
    .filter(([, count]) => count != null)
    .map(([words, count]) => `${words} ${integer.format(count)}`)
    .join(" · ");
}
