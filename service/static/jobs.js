/* Jobs: what was asked for, how far it is, what came of it. */
(function (global) {
  "use strict";

  const { el, load, notice, numbers } = global.gridcover;

  function jobs(config) {
    const t = config.t;
    const { whole } = numbers(config.language);
    const when = new Intl.DateTimeFormat(config.language === "zh" ? "zh-CN" : "en", { dateStyle: "short", timeStyle: "medium", timeZone: config.zone });
    const body = document.getElementById("jobs");

    async function ask(path) {
      const response = await fetch(`${config.api}/${path}`, { method: "POST", headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      await show();
    }

    function outcome(job) {
      const told = job.outcome;
      if (!told) return "";
      if (told.missing && told.missing.length) return t.job_missing.replace("{columns}", told.missing.map((name) => t[`field_${name}`] || name).join(config.language === "zh" ? "、" : ", "));
      if (told.reason) return told[`reason_${config.language}`] || told.reason;
      if (job.task === "refresh") return told.computed ? `${t.job_run} ${told.run}` : t.job_unchanged;
      return [["inserted", t.job_inserted], ["updated", t.job_updated], ["unchanged", t.job_same], ["rejected", t.job_rejected]]
        .filter(([key]) => told[key] != null).map(([key, word]) => `${word} ${whole.format(told[key])}`).join(" · ");
    }

    function took(job) {
      if (!job.started_at) return "";
      const end = job.finished_at ? new Date(job.finished_at) : new Date();
      return `${whole.format(Math.max(0, (end - new Date(job.started_at)) / 1000))} s`;
    }

    function row(job) {
      const about = job.about.layer ? ` ${t[`layer_${job.about.layer}`] || job.about.layer}` : "";
      const open = ["waiting", "running"].includes(job.state);
      const actions = el("td", null,
        open ? el("button", { type: "button", onclick: () => ask(`jobs/${job.id}/cancel`).catch(fail) }, t.jobs_cancel) : null,
        job.has_report ? el("a", { href: `${config.api}/jobs/${job.id}/report` }, t.jobs_report) : null);
      return el("tr", { "data-state": job.state },
        el("td", null, String(job.id)), el("td", null, `${t["task_" + job.task] || job.task}${about}`),
        el("td", null, t["state_" + job.state]), el("td", null, job.state === "running" || job.state === "cancelling" ? job.step : ""),
        el("td", null, job.asked_by), el("td", null, when.format(new Date(job.asked_at))), el("td", null, took(job)),
        el("td", null, outcome(job)), actions);
    }

    function fail(error) {
      notice(`${t.error_title}: ${error.message}`);
    }

    async function show() {
      const found = await load(config.api, "jobs", { limit: 50 });
      body.replaceChildren(...(found.length ? found.map(row) : [el("tr", null, el("td", { colspan: 9 }, t.jobs_none))]));
      notice("");
      return found.some((job) => ["waiting", "running", "cancelling"].includes(job.state));
    }

    async function follow() {
      let busy = false;
      try {
        busy = await show();
        document.body.dataset.ready = "true";
      } catch (error) {
        fail(error);
      }
      setTimeout(follow, busy ? 1500 : 8000);
    }

    document.getElementById("refresh").addEventListener("click", () => ask("jobs/refresh").catch(fail));
    follow();
  }

  global.gridcover.jobs = jobs;
})(window);
