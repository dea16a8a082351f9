/* A file is looked at before it is imported: columns as they are understood, the first rows on a map, what cannot
   be used and why. Nothing is stored until that is confirmed. */
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

    async function send(file, fields, more) {
      const query = new URLSearchParams({ name: file.name, ...Object.fromEntries(Object.entries({ ...fields, ...more }).filter(([, value]) => value)) });
      const answer = await fetch(`${config.api}/jobs/import?${query}`, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream", Accept: "application/json" } });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.detail || String(answer.status));
      return told;
    }

    async function ended(job) {
      for (;;) {
        const answer = await fetch(`${config.api}/jobs/${job}`, { headers: { Accept: "application/json" } });
        const told = await answer.json();
        if (!answer.ok) throw new Error(told.detail || String(answer.status));
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

    function show(job, file, fields) {
      const o = job.outcome || {};
      if (map) { map.remove(); map = null; }
      box.hidden = false;
      if (!o.recognised) {
        box.dataset.state = "refused";
        box.replaceChildren(el("p", { class: "wrong", role: "alert" }, `${t.upload_refused}: ${o.reason || job.state}`));
        return;
      }
      const sample = o.sample || [];
      const first = sample.slice(0, ROWS);
      const columns = Object.keys(o.recognised);
      const shown = [...new Set(columns)].filter((name) => first.some((f) => f.properties[name] != null));
      const place = el("div", { class: "upload-map", role: "img", "aria-label": t.upload_map });
      const confirm = el("button", { type: "button", class: "main", id: "confirm", disabled: o.accepted === 0, onclick: async () => {
        confirm.disabled = true;
        try {
          const made = await send(file, fields, { accept_rejects: o.rejected ? "true" : "" });
          const done = await ended(made.id);
          box.dataset.state = done.state === "done" ? "done" : "refused";
          box.replaceChildren(el("p", { class: done.state === "done" ? "good" : "wrong", role: "status" }, done.state === "done"
            ? t.upload_done.replace("{inserted}", whole.format(done.outcome.inserted)).replace("{updated}", whole.format(done.outcome.updated)).replace("{unchanged}", whole.format(done.outcome.unchanged))
            : `${t.upload_refused}: ${(done.outcome && done.outcome.reason) || done.state}`));
          form.reset();
        } catch (error) {
          fail(error);
        }
      } }, o.rejected ? t.upload_confirm_some.replace("{n}", whole.format(o.accepted)) : t.upload_confirm.replace("{n}", whole.format(o.accepted)));
      box.replaceChildren(
        el("h3", {}, `${file.name}: ${t.upload_read.replace("{n}", whole.format(o.read)).replace("{accepted}", whole.format(o.accepted)).replace("{mended}", whole.format(o.mended)).replace("{rejected}", whole.format(o.rejected))}`),
        el("div", { class: "columns even" },
          o.layers ? layersOf(o.layers) : el("div", {}, el("h3", {}, t.upload_columns), table([t.upload_header, t.upload_field], Object.entries(o.recognised).map(([column, header]) => [header, field(column)])), o.kept_as_extra.length ? el("p", { class: "hint" }, `${t.upload_extra}: ${o.kept_as_extra.join(", ")}`) : null),
          el("div", {}, el("h3", {}, t.upload_map), place),
          el("div", {}, el("h3", {}, t.upload_reasons), o.reasons.length ? table([t.upload_action, t.upload_reason, t.rows], o.reasons.map((r) => [t[`action_${r.action}`] || r.action, t[`reason_${r.reason}`] || r.reason, whole.format(r.count)])) : el("p", {}, t.nothing_found), job.has_report ? el("p", {}, el("a", { href: `${config.api}/jobs/${job.id}/report` }, t.jobs_report)) : null)),
        ...(o.layers ? [] : [el("h3", {}, t.upload_rows), table(shown.map(field), first.map((f) => shown.map((name) => (f.properties[name] == null ? "" : String(f.properties[name])))))]),
        el("p", {}, confirm, " ", el("button", { type: "button", onclick: () => { box.hidden = true; form.reset(); } }, t.upload_cancel)));
      draw(place, sample);
      box.dataset.state = "ready";
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
      const fields = Object.fromEntries(["layer", "datum", "crs", "source"].map((name) => [name, form.elements[name].value.trim()]));
      say(t.upload_reading);
      try {
        const made = await send(file, fields, { dry_run: "true" });
        show(await ended(made.id), file, fields);
      } catch (error) {
        fail(error);
      }
    });
  }

  Object.assign(global.gridcover, { upload });
})(window);
