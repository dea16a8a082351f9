/* The columns of a file that is looked at: each header with a choice of the layer's columns. Whatever comes out of
   the file is put on the page as text. */
(function (global) {
  "use strict";

  const { el } = global.gridcover;
  const EXTRA = "extra"; // kept with the row as it is
  const EXAMPLES = 3;

  function uploadColumns(config) {
    const t = config.t;
    const field = (column) => t[`field_${column}`] || column;
    const chosen = new Map(); // header to column, as the user or a proposal has it

    function evidence(use) {
      const words = t[`evidence_${use.evidence_kind}`];
      if (!words) return use.evidence;
      return Object.entries(use.facts).reduce((text, [name, fact]) => text.split(`{${name}}`).join(String(fact)), words);
    }

    // Where columns are missing, what the cells hold is taken for an answer until the user says otherwise.
    function propose(preview) {
      const taken = new Set(preview.headers.map((use) => use.column).filter(Boolean));
      for (const column of chosen.values()) taken.add(column);
      for (const use of preview.headers) {
        if (use.proposed && !chosen.has(use.header) && !taken.has(use.proposed)) chosen.set(use.header, use.proposed);
      }
    }

    const columnOf = (use) => chosen.get(use.header) || use.column || EXTRA;

    function table(preview, layer, changed) {
      const selects = new Map();
      const choose = (use, column) => {
        chosen.set(use.header, column);
        selects.get(use.header).value = column;
        // A column has one header.
        for (const other of preview.headers) {
          if (column !== EXTRA && other !== use && columnOf(other) === column) {
            chosen.set(other.header, EXTRA);
            selects.get(other.header).value = EXTRA;
          }
        }
        changed();
      };
      const rows = preview.headers.map((use, k) => {
        const select = el("select", { "aria-label": `${use.header}: ${t.upload_field}`, disabled: use.how === "secret", onchange: () => choose(use, select.value) },
          el("option", { value: EXTRA }, use.how === "secret" ? t.upload_secret : t.upload_keep_extra),
          ...config.columns[layer].map((name) => el("option", { value: name }, field(name))));
        selects.set(use.header, select);
        select.value = columnOf(use);
        const examples = preview.rows.map((row) => row[k]).filter(Boolean).slice(0, EXAMPLES).join(" · ");
        let hint = { guessed: t.upload_guessed, given: t.upload_given }[use.how] || null;
        if (use.proposed && chosen.get(use.header) === use.proposed) hint = `${t.upload_proposed}: ${evidence(use)}`;
        else if (use.proposed) hint = `${t.upload_may_be.replace("{column}", field(use.proposed))}: ${evidence(use)}`;
        const take = use.proposed && columnOf(use) !== use.proposed ? el("button", { type: "button", class: "small", onclick: () => { choose(use, use.proposed); take.remove(); } }, t.upload_use) : null;
        return el("tr", { "data-how": chosen.get(use.header) === use.proposed && use.proposed ? "proposed" : use.how },
          el("th", { scope: "row" }, use.header, el("small", {}, examples)),
          el("td", {}, select, hint ? el("small", {}, hint, " ", take) : null));
      });
      return el("div", { class: "scroll", tabindex: "0" }, el("table", { class: "entries mapping" },
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t.upload_header), el("th", { scope: "col" }, t.upload_field))), el("tbody", {}, ...rows)));
    }

    return {
      table,
      propose,
      clear: () => chosen.clear(),
      rename: () => (chosen.size ? JSON.stringify(Object.fromEntries(chosen)) : ""),
    };
  }

  Object.assign(global.gridcover, { uploadColumns });
})(window);
