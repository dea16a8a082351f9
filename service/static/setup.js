/* The set-up checklist: what is there, what is missing, and what it would improve; on its page, and on maps without data. */
(function (global) {
  "use strict";

  const { el, load, notice, numbers } = global.gridcover;
  const MARKS = { present: "✓", partial: "◐", missing: "○" };

  function amount(step, t, whole, percent) {
    if (step.share != null) return `${percent.format(step.share)}`;
    if (step.key === "refresh") return t[`setup_refresh_${step.state}`];
    return step.count ? whole.format(step.count) : t.setup_none;
  }

  function line(step, config, next) {
    const t = config.t;
    const { whole, percent } = numbers(config.language);
    const rows = [el("span", { class: "what" }, el("strong", {}, t[`setup_${step.key}`]), " ", el("span", { class: "amount" }, amount(step, t, whole, percent)))];
    if (step.state !== "present") {
      rows.push(el("span", { class: "improves" }, t[`improves_${step.key}`]));
      if (config.manages && step.command) rows.push(el("code", {}, step.command));
    }
    return el("li", { class: `${step.state}${step.key === next ? " next" : ""}`, "data-key": step.key },
      el("span", { class: "mark", role: "img", "aria-label": t[`setup_${step.state}`] }, MARKS[step.state]), el("div", {}, ...rows));
  }

  function headline(status, t) {
    if (!status.ready) return t.setup_next.replace("{step}", t[`setup_${status.next}`]);
    return status.steps.every((step) => step.state === "present") ? t.setup_complete : t.setup_ready;
  }

  // Of a map without data the steps that it needs; all of them on the page of their own.
  async function checklist(config, keys) {
    const status = await load(config.api, "setup-status");
    const steps = status.steps.filter((step) => !keys || keys.includes(step.key));
    return { status, head: headline(status, config.t), list: el("ol", { class: "checklist" }, ...steps.map((step) => line(step, config, status.next))) };
  }

  async function setupPage(config) {
    try {
      const found = await checklist(config);
      document.getElementById("setup-next").textContent = found.head;
      document.getElementById("setup").replaceChildren(...found.list.children);
    } catch (error) {
      notice(config.t.failed);
      throw error;
    } finally {
      document.body.dataset.ready = "true";
    }
  }

  // What a page without figures says: the next steps, and where they are done.
  async function nextSteps(config, words, keys) {
    const found = await checklist(config, keys);
    return el("section", { class: "next-steps" }, el("h2", {}, words), el("p", { role: "status" }, found.status.ready && keys ? "" : found.head), found.list,
      config.manages && found.status.steps.every((step) => step.state === "missing") ? el("p", { class: "hint" }, config.t.setup_osm) : null,
      el("p", { class: "hint" }, config.manages ? el("a", { href: `/setup?lang=${config.language}` }, config.t.setup_all) : config.t.setup_ask));
  }

  Object.assign(global.gridcover, { setupPage, nextSteps });
})(window);
