/* A file is looked at before it is imported: columns as they are understood and may be corrected, the first rows on a
   map, what cannot be used and why. Nothing is stored until that is confirmed. */
(function (global) {
  "use strict";

  const { el, numbers } = global.gridcover;
  const ROWS = 8; // of the table; the map shows more

  function upload(config) {
    const t = config.t;
    const { whole } = numbers(config.language);
    const form = document.getElementById("upload");
    const box = document.getElementById("preview");
    const field = (column) => t[`field_${column}`] || column;
    let map = null;

    const columns = global.gridcover.uploadColumns(config);
    const OPTIONS = ["datum", "crs", "source", "key", "occurred", "date_order", "encoding", "mapping"];
    let upload = ""; // the file as the service keeps it for another try

    const reason = (outcome) => outcome[`reason_${config.language}`] || outcome.reason;

    async function ask(path, options) {
      const answer = await fetch(`${config.api}/${path}`, { ...options, headers: { "Content-Type": "application/octet-stream", Accept: "application/json" } });
      if (answer.status === 204) return null;
      const told = await answer.json();
      if (!answer.ok) throw Object.assign(new Error(typeof told.detail === "string" ? told.detail : String(answer.status)), { status: answer.status });
      return told;
    }

    // The file itself goes once; after that the service is asked to take what it keeps.
    async function send(file, more) {
      const query = (key) => new URLSearchParams(Object.entries({ name: file.name, layer: form.elements.layer.value, ...values(), rename: columns.rename(), upload: key, ...more }).filter(([, value]) => value));
      if (upload) {
        try {
          return await ask(`jobs/import?${query(upload)}`, { method: "POST" });
        } catch (error) {
          if (error.status !== 410) throw error;
        }
      }
      const job = await ask(`jobs/import?${query("")}`, { method: "POST", body: file });
      upload = job.about.upload;
      return job;
    }

    // What is hidden for a layer is not sent.
    function values() {
      return Object.fromEntries(OPTIONS.map((name) => form.elements[name]).filter((input) => !input.closest("[hidden]")).map((input) => [input.name, input.value.trim()]));
    }

    async function listMappings() {
      const layer = form.elements.layer.value;
      const select = form.elements.mapping;
      const before = select.value;
      const names = mapped(layer) ? (await ask(`mappings?layer=${encodeURIComponent(layer)}`)).map((one) => one.name) : [];
      if (layer !== form.elements.layer.value) return;
      select.replaceChildren(el("option", { value: "" }, t.upload_no_mapping), ...names.map((name) => el("option", { value: name }, name)));
      select.value = names.includes(before) ? before : "";
      select.closest("label").hidden = !names.length;
      form.querySelector("#forget").hidden = !select.value;
    }

    const mapped = (layer) => layer !== "osm";

    function fit() {
      const layer = form.elements.layer.value;
      form.querySelector("details").hidden = !mapped(layer);
      for (const name of ["occurred", "source"]) form.elements[name].closest("label").hidden = layer !== "incidents";
      for (const name of ["datum", "crs", "key", "date_order"]) form.elements[name].closest("label").hidden = layer === "grid-staff";
      listMappings().catch(fail);
    }

    // What is shown is no longer what would be stored.
    function changed() {
      const confirm = document.getElementById("confirm");
      if (confirm) confirm.disabled = true;
      const again = document.getElementById("again");
      if (again) again.hidden = false;
      const note = document.getElementById("stale");
      if (note) note.hidden = false;
    }

    async function ended(job) {
      for (;;) {
        const told = await ask(`jobs/${job}`);
        if (!["waiting", "running", "cancelling"].includes(told.state)) return told;
        say(`${t[`state_${told.state}`]} ${told.step || ""}`);
        await new Promise((resolve) => { setTimeout(resolve, 500); });
      }
    }

    function say(text) {
      box.hidden = false;
      box.dataset.state = "busy";
      box.replaceChildren(el("p", { role: "status" }, text));
    }

    function table(heads, rows) {
      return el("div", { class: "scroll", tabindex: "0" }, el("table", { class: "entries" }, el("thead", {}, el("tr", {}, ...heads.map((words) => el("th", { scope: "col" }, words)))), el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell == null ? "" : cell)))))));
    }

    // What an extract fills: rows by layer, and layers left alone since they hold rows of another source.
    function layersOf(layers) {
      const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
      return el("div", {}, el("h3", {}, t.upload_layers), table([t.register, t.rows, t.upload_skipped], layers.map((one) => [t[`layer_${one.layer}`] || one.layer, one.left_alone ? t.upload_left_alone.replace("{n}", whole.format(one.left_alone)) : whole.format(one.stored), whole.format(sum(one.skipped))])));
    }

    function show(job, file) {
      const o = job.outcome || {};
      if (map) { map.remove(); map = null; }
      box.hidden = false;
      if (!o.recognised) {
        box.dataset.state = o.preview ? "columns" : "refused";
        box.replaceChildren(...(o.preview ? open(o, file) : [el("p", { class: "wrong", role: "alert" }, `${t.upload_refused}: ${reason(o) || job.state}`)]));
        return;
      }
      const sample = o.sample || [];
      const first = sample.slice(0, ROWS);
      const shown = Object.keys(o.recognised).filter((name) => first.some((f) => f.properties[name] != null));
      const place = el("div", { class: "upload-map", role: "img", "aria-label": t.upload_map });
      const saved = el("input", { name: "save_mapping", maxlength: "100", placeholder: t.upload_save_hint });
      const confirm = el("button", { type: "button", class: "main", id: "confirm", disabled: o.accepted === 0, onclick: () => store(confirm, file, o, saved.value.trim()) },
        o.rejected ? t.upload_confirm_some.replace("{n}", whole.format(o.accepted)) : t.upload_confirm.replace("{n}", whole.format(o.accepted)));
      box.replaceChildren(
        el("h3", {}, `${file.name}: ${t.upload_read.replace("{n}", whole.format(o.read)).replace("{accepted}", whole.format(o.accepted)).replace("{mended}", whole.format(o.mended)).replace("{rejected}", whole.format(o.rejected))}`),
        el("div", { class: "columns even" },
          o.layers ? layersOf(o.layers) : el("div", {}, el("h3", {}, t.upload_columns), columns.table(o.preview, o.layer, changed)),
          el("div", {}, el("h3", {}, t.upload_map), place),
          el("div", {}, el("h3", {}, t.upload_reasons), o.reasons.length ? table([t.upload_action, t.upload_reason, t.rows], o.reasons.map((r) => [t[`action_${r.action}`] || r.action, t[`reason_${r.reason}`] || r.reason, whole.format(r.count)])) : el("p", {}, t.nothing_found), job.has_report ? el("p", {}, el("a", { href: `${config.api}/jobs/${job.id}/report` }, t.jobs_report)) : null)),
        ...(o.layers ? [] : [el("h3", {}, t.upload_rows), table(shown.map(field), first.map((f) => shown.map((name) => (f.properties[name] == null ? "" : String(f.properties[name])))))]),
        el("p", { class: "hint", id: "stale", hidden: true, role: "status" }, t.upload_stale),
        el("div", { class: "upload-end" }, mapped(o.layer) ? el("label", {}, t.upload_save, saved) : null, again(true), confirm, leave()));
      draw(place, sample);
      box.dataset.state = "ready";
    }

    // Columns are missing, or an option is: the user says what is what, and the file is looked at again.
    function open(o, file) {
      const missing = o.preview.missing;
      const layer = form.elements.layer.value;
      if (missing.length) columns.propose(o.preview);
      const needed = missing.map(field).join(config.language === "zh" ? "、" : ", ");
      const offered = o.preview.headers.map((use) => use.proposed);
      const options = !missing.length || missing.some((name) => ["code", "id", "source_id", "occurred_at"].includes(name) && !offered.includes(name));
      if (options && mapped(layer)) form.querySelector("details").open = true;
      return [
        el("p", { class: "wrong", role: "alert" }, missing.length ? t.upload_missing.replace("{columns}", needed) : `${t.upload_refused}: ${reason(o)}`),
        missing.length && options && mapped(layer) ? el("p", { class: "hint" }, missing.includes("occurred_at") ? t.upload_no_time : t.upload_no_key) : "",
        el("div", { class: "columns halves" },
          el("div", {}, el("h3", {}, `${file.name}: ${t.upload_columns}`), columns.table(o.preview, layer, changed)),
          el("div", {}, el("h3", {}, t.upload_rows), table(o.preview.headers.map((use) => use.header), o.preview.rows))),
        el("div", { class: "upload-end" }, again(false), leave())];
    }

    const again = (hidden) => el("button", { type: "button", class: "main", id: "again", hidden, onclick: () => form.requestSubmit() }, t.upload_again);

    const leave = () => el("button", { type: "button", onclick: () => { box.hidden = true; reset(); } }, t.upload_cancel);

    function reset() {
      form.reset();
      columns.clear();
      upload = "";
      fit();
    }

    async function store(confirm, file, o, name) {
      confirm.disabled = true;
      try {
        const made = await send(file, { accept_rejects: o.rejected ? "true" : "", save_mapping: name });
        const done = await ended(made.id);
        box.dataset.state = done.state === "done" ? "done" : "refused";
        box.replaceChildren(el("p", { class: done.state === "done" ? "good" : "wrong", role: "status" }, done.state === "done"
          ? t.upload_done.replace("{inserted}", whole.format(done.outcome.inserted)).replace("{updated}", whole.format(done.outcome.updated)).replace("{unchanged}", whole.format(done.outcome.unchanged))
          : `${t.upload_refused}: ${reason(done.outcome || {}) || done.state}`));
        const layer = form.elements.layer.value;
        form.reset();
        form.elements.layer.value = layer; // the next file is often of the same kind
        columns.clear();
        upload = "";
        fit();
      } catch (error) {
        fail(error);
      }
    }

    function draw(place, sample) {
      map = L.map(place, { attributionControl: false, preferCanvas: true, maxZoom: 18 });
      map.attributionControl = null;
      L.vectorGrid.protobuf("/tiles/base/{z}/{x}/{y}.pbf", { rendererFactory: L.canvas.tile, maxNativeZoom: 18, vectorTileLayerStyles: {
        landcover: { fill: true, weight: 0, fillOpacity: 0.6, fillColor: "#cfe5c0" }, streets: { color: "#dcd6cc", weight: 1.5 }, buildings: { fill: true, weight: 0, fillColor: "#d3cac2", fillOpacity: 1 }, areas: { fill: false, color: "#6c5b7b", weight: 1 } } }).addTo(map);
      const features = sample.filter((f) => f.geometry);
      if (!features.length) { map.setView([35, 105], 4); return; }
      const rows = L.geoJSON({ type: "FeatureCollection", features }, {
        style: { color: "#b3470a", weight: 1.5, fillOpacity: 0.2 }, pointToLayer: (f, at) => L.circleMarker(at, { radius: 5, color: "#fff", weight: 1, fillColor: "#b3470a", fillOpacity: 0.9 }),
        onEachFeature: (f, layer) => layer.bindTooltip(() => el("span", {}, String(f.properties.name || f.properties.code || f.properties.source_id || ""))),
      }).addTo(map);
      map.fitBounds(rows.getBounds(), { maxZoom: 16, animate: false });
    }

    function fail(error) {
      box.hidden = false;
      box.dataset.state = "refused";
      box.replaceChildren(el("p", { class: "wrong", role: "alert" }, `${t.error_title}: ${error.message}`));
    }

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const file = form.elements.file.files[0];
      say(t.upload_reading);
      try {
        const made = await send(file, { dry_run: "true" });
        show(await ended(made.id), file);
      } catch (error) {
        fail(error);
      }
    });
    form.addEventListener("change", (event) => {
      const { name } = event.target;
      if (name === "file") upload = "";
      if (["file", "layer", "mapping"].includes(name)) columns.clear();
      if (name === "layer") fit();
      if (["file", "layer"].includes(name)) box.hidden = true;
      form.querySelector("#forget").hidden = !form.elements.mapping.value;
      changed();
    });
    form.querySelector("#forget").addEventListener("click", async () => {
      const query = new URLSearchParams({ layer: form.elements.layer.value, name: form.elements.mapping.value });
      try {
        await ask(`mappings?${query}`, { method: "DELETE" });
        await listMappings();
        changed();
      } catch (error) {
        fail(error);
      }
    });
    fit();
  }

  Object.assign(global.gridcover, { upload });
})(window);
