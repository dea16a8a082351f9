/* The map of the registers' state: findings by register, aspect, owner and area, and where they are. */
(function (global) {
  "use strict";

  const { el, findingName, load } = global.gridcover;
  const COLOURS = { complete: "#b8860b", plausible: "#7b3fa0", up_to_date: "#2f6f9f", in_place: "#b91c1c", target: "#c2410c", service: "#0f766e" };
  const SHOWN = 3000;
  const LISTED = 200;

  global.gridcover.pages.registers = function (x) {
    const { map, config, t, whole, content } = x;
    const zh = x.zh;
    const state = Object.fromEntries(["layer", "aspect", "finding", "owner", "area"].map((k) => [k, new URLSearchParams(location.search).get(k) || ""]));
    const figures = el("div", { class: "figures" });
    const kinds = el("ol", { class: "ranked" });
    const list = el("ol", { class: "ranked" });
    const listTitle = el("h2", {}, t.findings);
    const download = el("a", { download: "" }, t.as_table);
    const picks = {};
    let counts = [];
    let areas = [];

    function pick(key, label, everything) {
      const id = `pick-${key}`;
      const select = el("select", { id, onchange: async () => {
        state[key] = select.value;
        if (key === "layer" || key === "aspect") state.finding = "";
        if (key === "area") {
          counts = await load(config.api, "registers/counts", { area: state.area });
          x.focus(areas, state.area);
        }
        update();
      } });
      picks[key] = { select, everything };
      return el("div", { class: "row" }, el("label", { for: id }, label), select);
    }

    function fill(key, options) {
      const { select, everything } = picks[key];
      select.replaceChildren(el("option", { value: "" }, everything));
      for (const [value, text] of options) select.append(el("option", { value }, text));
      select.value = state[key];
      if (key === "area") select.parentNode.hidden = !options.length;
      if (select.value !== state[key]) { state[key] = ""; select.value = ""; }
    }

    content.append(figures, pick("layer", t.register, t.all_layers), pick("aspect", t.aspect, t.all_aspects), pick("owner", t.owner, t.all_owners),
      pick("area", t.area_name, t.whole), el("h2", {}, t.finding), kinds, listTitle, list);

    const marks = L.geoJSON(null, {
      pointToLayer: (f, at) => L.circleMarker(at, { radius: 5, weight: 1, color: "#fff", fillOpacity: 0.9, fillColor: COLOURS[f.properties.aspect] }),
      onEachFeature: (f, layer) => layer.bindTooltip(() => describe(f.properties)),
    });
    x.overlay(marks, t.findings, true);

    function describe(p) {
      return x.card(findingName(t, p.finding), [
        [t.register, t[`layer_${p.layer}`]], [t.code, p.code], [t.aspect, t[`aspect_${p.aspect}`]], [t.detail, p.detail],
        [t.owner, p.layer === "cameras" ? p.owner || t.no_owner : p.owner], [t.grids, p.grid]]);
    }

    function mine(row) {
      return ["layer", "aspect", "owner"].every((k) => !state[k] || row[k] === state[k]);
    }

    function drawKinds() {
      const sums = new Map();
      for (const row of counts.filter(mine)) {
        const key = JSON.stringify([row.layer, row.aspect, row.finding]);
        sums.set(key, (sums.get(key) || 0) + row.rows);
      }
      kinds.replaceChildren();
      for (const [key, number] of [...sums].sort((a, b) => b[1] - a[1])) {
        const [layer, aspect, finding] = JSON.parse(key);
        const dot = el("span", { class: "round" });
        dot.style.background = COLOURS[aspect];
        const chosen = state.finding === finding && (!state.layer || state.layer === layer);
        kinds.append(el("li", {}, el("button", { type: "button", class: chosen ? "chosen" : null, "aria-pressed": String(chosen), onclick: () => {
          Object.assign(state, chosen ? { finding: "" } : { layer, aspect, finding });
          update();
        } }, dot, el("span", {}, findingName(t, finding), " ", el("small", {}, `${t[`layer_${layer}`]} · ${t[`aspect_${aspect}`]}`)), el("span", { class: "amount" }, whole.format(number)))));
      }
      if (!sums.size) kinds.append(el("li", {}, t.nothing_found));
    }

    let asked = 0;

    async function update() {
      const turn = ++asked;
      const owners = [...new Set(counts.filter((r) => r.owner && (!state.layer || r.layer === state.layer)).map((r) => r.owner))].sort();
      fill("layer", [...new Set(counts.map((r) => r.layer))].map((name) => [name, t[`layer_${name}`] || name]));
      fill("aspect", Object.keys(COLOURS).map((name) => [name, t[`aspect_${name}`]]));
      fill("owner", owners.map((name) => [name, t[`kind_${name}`] || nameOf(name)]));
      fill("area", areas.filter((a) => a.level !== "community" || (state.area && a.parent === parentOf(state.area))).map((a) => [a.code, `${a.level === "community" ? "　　" : a.level === "subdistrict" ? "　" : ""}${nameOf(a.code)}`]));
      const parts = new URLSearchParams({ lang: config.language });
      for (const [key, value] of Object.entries(state)) if (value) parts.set(key, value);
      history.replaceState(null, "", `${location.pathname}?${parts}`);
      drawKinds();
      try {
        const found = await load(config.api, "registers/findings", { ...state, limit: SHOWN });
        if (turn !== asked) return;
        paint(found);
      } catch (error) {
        if (turn === asked) x.fail(error);
      }
    }

    function parentOf(code) {
      const found = areas.find((a) => a.code === code);
      return found && found.level === "community" ? found.parent : code;
    }

    function nameOf(code) {
      const found = areas.find((a) => a.code === code);
      return found ? (!zh && found.name_en) || found.name : code;
    }

    function paint(found) {
      marks.clearLayers();
      marks.addData({ type: "FeatureCollection", features: found.features.filter((f) => f.geometry) });
      figures.replaceChildren(el("strong", {}, whole.format(found.total)), el("span", {}, t.findings));
      const table = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
      download.href = `${config.api}/registers/table?${table}`;
      const shown = Math.min(LISTED, found.features.length);
      listTitle.replaceChildren(t.detail, " ", el("small", {}, t.first_n_of.replace("{n}", whole.format(shown)).replace("{total}", whole.format(found.total))), " ", download);
      list.replaceChildren();
      const at = new Map(marks.getLayers().map((layer) => [layer.feature, layer]));
      for (const feature of found.features.slice(0, LISTED)) {
        const p = feature.properties;
        const layer = at.get(feature);
        const button = el("button", { type: "button" }, el("span", { class: "rank" }, ""), el("span", {}, p.code, " ", el("small", {}, `${findingName(t, p.finding)}${p.detail ? ` · ${p.detail}` : ""}`)), el("span", { class: "amount" }, p.layer === "cameras" ? p.owner : ""));
        button.addEventListener("click", () => {
          if (!layer) return;
          list.querySelectorAll(".chosen").forEach((b) => b.classList.remove("chosen"));
          button.classList.add("chosen");
          map.setView(layer.getLatLng(), Math.max(17, map.getZoom()));
          layer.openTooltip();
        });
        list.append(el("li", {}, button));
      }
      document.body.dataset.total = found.total;
      x.ready();
    }

    Promise.all([load(config.api, "registers/counts", { area: state.area }), x.areas]).then(([rows, places]) => {
      counts = rows;
      areas = [...places].sort((a, b) => a.code.localeCompare(b.code));
      if (!x.told) x.focus(areas, state.area);
      return update();
    }).catch(x.fail);
  };
})(window);
