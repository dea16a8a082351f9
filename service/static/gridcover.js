/* The maps' own script: layers, legends, lists and the filter that lives in the address.
   Data reach the page as text nodes only, never as HTML. */
(function (global) {
  "use strict";

  // Viridis-like steps that differ in lightness: safe for colour-blind eyes and grey prints.
  const SHARE = ["#f7f4c4", "#b6dcb0", "#62b6a7", "#2f7fa3", "#27408b"];
  const DENSITY = ["#fff3d9", "#fdd49e", "#fc8d59", "#d7301f", "#7f0000"];
  const SPOT = "#c2410c";
  const LISTED = 200; // rows of the ranked list; the map shows more
  const CAMERA = { working: "#0f6b3a", unknown: "#0f6b3a", faulty: "#b91c1c", offline: "#6b7280", retired: "#6b7280" };

  const { el, svg, notice, numbers } = global.gridcover;

  function card(title, rows) {
    const table = el("table", { class: "card" }, el("caption", {}, title));
    for (const [name, value] of rows) {
      if (value == null || value === "") continue;
      table.append(el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, String(value))));
    }
    return table;
  }

  function breaksOf(values, count, how) {
    const known = values.filter((v) => v != null && isFinite(v)).sort((a, b) => a - b);
    if (!known.length) return [];
    if (how === "quantile") {
      const cuts = [];
      for (let k = 1; k < count; k++) cuts.push(known[Math.min(known.length - 1, Math.floor((k * known.length) / count))]);
      return cuts;
    }
    const top = known[known.length - 1];
    const step = niceStep(top / count);
    return Array.from({ length: count - 1 }, (_, k) => step * (k + 1));
  }

  function niceStep(raw) {
    if (!(raw > 0)) return 1;
    const power = Math.pow(10, Math.floor(Math.log10(raw)));
    for (const m of [1, 2, 2.5, 5, 10]) if (raw <= m * power) return m * power;
    return 10 * power;
  }

  function classOf(value, cuts) {
    let k = 0;
    while (k < cuts.length && value >= cuts[k]) k++;
    return k;
  }

  function start(map, config) {
    const t = config.t;
    const zh = config.language === "zh";
    const { whole, fine, percent } = numbers(config.language);
    const content = document.getElementById("content");
    const named = (p, key) => (!zh && p[key + "_en"]) || p[key] || "";
    const load = (path, data) => global.gridcover.load(config.api, path, data);

    L.control.zoom({ position: "topright", zoomInTitle: t.zoom_in, zoomOutTitle: t.zoom_out }).addTo(map);
    map.attributionControl.addAttribution(t.own_data);
    for (const [name, z] of [["base", 210], ["shade", 390], ["views", 395], ["spots", 410], ["names", 450]]) {
      map.createPane(name).style.zIndex = z;
    }
    for (const name of ["base", "views", "names"]) map.getPane(name).style.pointerEvents = "none";

    const base = L.vectorGrid.protobuf(`${config.tiles}/base/{z}/{x}/{y}.pbf`, {
      rendererFactory: L.canvas.tile, pane: "base", maxNativeZoom: 18, minZoom: 3, maxZoom: 20,
      vectorTileLayerStyles: {
        landcover: (p) => ({
          fill: true, weight: 0, fillOpacity: 1,
          fillColor: { water: "#a9cfe4", green: "#cfe5c0", industrial: "#e9e3ea", square: "#efe6d2" }[p.class] || "#eee",
        }),
        streets: (p, zoom) => ({
          color: { primary: "#f4c97a", trunk: "#f4c97a", motorway: "#eeb05a" }[p.class] || (p.class === "lane" ? "#fbfaf7" : "#ffffff"),
          weight: ({ motorway: 5, trunk: 4, primary: 3, secondary: 2, local: 1.2, lane: 0.8 }[p.class] || 1.2) * Math.pow(1.45, Math.max(0, zoom - 14)),
        }),
        buildings: (p, zoom) => ({
          fill: true, fillColor: p.height_m >= 30 ? "#b9aca4" : "#d3cac2", fillOpacity: 1, color: "#a99c92", weight: zoom >= 16 ? 0.7 : 0,
        }),
        areas: (p) => ({
          fill: false, color: "#6c5b7b", dashArray: p.level === "community" ? "3 4" : null,
          weight: { district: 3, subdistrict: 2, community: 0.8 }[p.level] || 1, opacity: 0.8,
        }),
      },
    }).addTo(map);

    const overlays = {};
    const control = L.control.layers(null, null, { position: "topright", collapsed: global.innerWidth < 900 });
    const names = L.layerGroup();
    function overlay(layer, name, shown) {
      control.addOverlay(layer, name);
      overlays[name] = layer;
      if (shown) layer.addTo(map);
      return layer;
    }
    overlay(base, t.basemap, true);
    if (config.basemap.url) {
      const online = L.tileLayer(config.basemap.url, { attribution: "", maxZoom: 20, pane: "base" });
      overlay(online, t.online_basemap, true);
      if (config.basemap.attribution) {
        const line = el("span", {}, config.basemap.attribution);
        map.attributionControl.addAttribution(line.outerHTML);
      }
    }
    overlay(names, t.labels, true);

    load("areas").then((areas) => {
      const draw = () => {
        names.clearLayers();
        const zoom = map.getZoom();
        for (const area of areas) {
          const show = area.level === "subdistrict" ? zoom < 16 : area.level === "community" && zoom >= 15;
          if (!show) continue;
          const label = el("span", { class: `place-name ${area.level}` }, named(area, "name"));
          const icon = L.divIcon({ className: "", html: label, iconSize: [0, 0] });
          L.marker([area.lat, area.lon], { icon, interactive: false, keyboard: false, pane: "names" }).addTo(names);
        }
      };
      map.on("zoomend", draw);
      draw();
      focus(areas, new URLSearchParams(location.search).get("area"));
    }).catch(fail);

    // An area that the address or a filter names fills the map; none, the whole district.
    function focus(areas, code) {
      const found = areas.find((a) => a.code === code);
      if (!found && !code) return;
      const [west, south, east, north] = found ? found.box : [config.bounds[0][1], config.bounds[0][0], config.bounds[1][1], config.bounds[1][0]];
      map.fitBounds([[south, west], [north, east]], { padding: [24, 24], animate: false });
    }

    function fail(error) {
      notice(t.failed);
      throw error;
    }

    function legend(cuts, colours, format, counts) {
      const list = el("ul", { class: "legend" });
      for (let k = 0; k <= cuts.length; k++) {
        const text = k === 0 ? `< ${format(cuts[0])}` : k === cuts.length ? `≥ ${format(cuts[k - 1])}` : `${format(cuts[k - 1])} – ${format(cuts[k])}`;
        const swatch = el("span", { class: "swatch" });
        swatch.style.background = colours[k];
        list.append(el("li", {}, swatch, text, el("span", { class: "number" }, whole.format(counts[k] || 0))));
      }
      return list;
    }

    // Something that happens now: a ring that spreads for a while, and a few words.
    function pulse(told, words) {
      if (told.lat == null) return;
      const mark = L.marker([told.lat, told.lon], {
        icon: L.divIcon({ className: "pulse", iconSize: [22, 22] }), keyboard: false, alt: words, title: words,
      }).addTo(map);
      document.body.dataset.pulses = String(Number(document.body.dataset.pulses || 0) + 1);
      setTimeout(() => mark.remove(), 30000);
    }

    function ready() {
      if (!control.getContainer()) control.addTo(map);
      document.body.dataset.ready = "true";
    }

    function downloads(layers) {
      const box = el("details", { class: "downloads" }, el("summary", {}, t.download));
      for (const [layer, name] of layers) {
        const line = el("p", {}, `${name}: `);
        for (const form of ["gpkg", "geojson", "csv", "xlsx"]) line.append(el("a", { href: `${config.api}/export/${layer}.${form}`, download: "" }, form), " ");
        box.append(line);
      }
      return box;
    }

    const shared = { map, config, t, el, card, load, overlay, legend, whole, fine, percent, named, content, ready, fail, zh, focus, downloads, pulse };
    if (config.run == null) {
      content.append(el("p", {}, t.no_run));
      ready();
      return;
    }
    if (global.gridcover.seeing) global.gridcover.seeing(shared);
    global.gridcover.pages[config.page](shared);
  }

  function coverage(x) {
    const { map, config, t, whole, percent, named, content } = x;
    const s = config.summary;
    const figures = el("div", { class: "figures" },
      el("strong", {}, s.open_covered_share == null ? "–" : percent.format(s.open_covered_share)), el("span", {}, t.covered_open),
      el("strong", {}, whole.format(s.cameras_used)), el("span", {}, t.cameras_used),
      el("strong", { class: s.assumed_share > 0 ? "warn" : null }, percent.format(s.assumed_share)), el("span", {}, t.assumed_share),
      el("strong", {}, whole.format(s.blind_spots)), el("span", {}, t.blind_spots));
    const measures = [["open_covered_share", t.open_ground], ["covered_share", t.all_ground], ["twice_covered_share", t.twice]];
    const state = { measure: "open_covered_share", classes: "equal" };
    let features = [];
    const pick = (key, options) => {
      const id = `pick-${key}`;
      const select = x.el("select", { id, onchange: (event) => { state[key] = event.target.value; paint(); } });
      for (const [value, text] of options) select.append(x.el("option", { value }, text));
      return x.el("div", { class: "row" }, x.el("label", { for: id }, t[key]), select);
    };
    const key = el("div", {});
    const list = el("ol", { class: "ranked" });
    const listTitle = el("h2", {}, t.blind_list);
    const layers = [["grids", t.grids], ["blind-spots", t.blind_spots], ...(config.views ? [["cameras", t.cameras], ["views", t.views]] : [])];
    content.append(figures, pick("measure", measures), pick("classes", [["equal", t.equal], ["quantile", t.quantile]]), key, x.downloads(layers));
    if (config.views) {
      x.gridName = (code) => { const f = features.find((one) => one.properties.code === code); return f ? named(f.properties, "name") : code; };
      content.append(global.gridcover.planning(x));
    }
    content.append(listTitle, list);

    let cuts = [];
    const shade = L.geoJSON(null, {
      pane: "shade", renderer: L.canvas({ pane: "shade" }), interactive: false,
      style: (f) => {
        const value = f.properties[state.measure];
        return { weight: 1, color: "#52606d", opacity: 0.7, fillOpacity: 0.55, fillColor: value == null ? "#d9d9d9" : SHARE[classOf(value, cuts)] };
      },
    });
    // Of canvases that lie upon each other only the topmost feels the pointer: what is touched is in one.
    const top = L.canvas({ pane: "spots" });
    const touched = L.geoJSON(null, {
      pane: "spots", renderer: top, style: { stroke: false, fillOpacity: 0 },
      onEachFeature: (f, layer) => {
        const p = f.properties;
        layer.bindTooltip(() => x.card(named(p, "name"), [
          [t.open_covered, p.open_covered_share == null ? t.no_data : percent.format(p.open_covered_share)],
          [t.covered, p.covered_share == null ? t.no_data : percent.format(p.covered_share)],
          [t.seen_twice, p.twice_covered_share == null ? null : percent.format(p.twice_covered_share)],
          [t.cameras_reach, p.cameras], [t.area, p.area_m2 == null ? null : `${whole.format(p.area_m2)} m²`],
        ]), { sticky: true });
        layer.bindPopup(() => x.card(named(p, "name"), [
          [t.code, p.code], [t.subdistrict, named(p, "subdistrict_name")], [t.community, named(p, "community_name")],
          [t.head, p.head], [t.population, p.population == null ? null : whole.format(p.population)],
          [t.open_covered, p.open_covered_share == null ? t.no_data : percent.format(p.open_covered_share)],
          [t.seen_twice, p.twice_covered_share == null ? null : percent.format(p.twice_covered_share)], [t.cameras_reach, p.cameras],
        ]));
        layer.on("popupopen", (event) => x.load(`grids/${encodeURIComponent(p.code)}/staff`).then((staff) => {
          const rows = staff.filter((s) => s.role !== "head").map((s) => [t[`role_${s.role}`], s.name]);
          if (rows.length) event.popup.setContent(el("div", {}, event.popup.getElement().querySelector(".card"), x.card(t.staff, rows)));
        }).catch(x.fail));
      },
    });

    function paint() {
      const values = features.map((f) => f.properties[state.measure]);
      cuts = state.classes === "equal" ? [0.2, 0.4, 0.6, 0.8] : breaksOf(values, 5, "quantile");
      const counts = [0, 0, 0, 0, 0];
      values.forEach((v) => { if (v != null) counts[classOf(v, cuts)]++; });
      key.replaceChildren(x.legend(cuts, SHARE, (v) => percent.format(v), counts), extras());
      shade.setStyle(shade.options.style);
    }

    function extras() {
      const list = el("ul", { class: "legend" });
      const view = el("span", { class: "swatch" });
      view.style.background = "#f2c14e99";
      const spot = el("span", { class: "swatch" });
      spot.style.cssText = `background:${SPOT}55;border-color:${SPOT}`;
      list.append(el("li", {}, view, t.views), el("li", {}, spot, t.blind_spots));
      for (const status of ["working", "faulty", "offline"]) {
        const dot = el("span", { class: "round" });
        dot.style.background = CAMERA[status];
        list.append(el("li", {}, dot, `${t.cameras}: ${t["status_" + status]}`));
      }
      return list;
    }

    // From afar thousands of outlines are one red sheet: only the largest show there.
    function spotStyle(f) {
      const near = map.getZoom() >= 15.5;
      const first = f.properties.rank <= 25;
      return { color: SPOT, weight: near ? 1.2 : first ? 0.8 : 0, opacity: near || first ? 0.9 : 0, fillColor: SPOT, fillOpacity: near ? 0.25 : first ? 0.18 : 0 };
    }
    function scaleMarks() {
      const zoom = map.getZoom();
      cameras.setStyle({ radius: zoom >= 17 ? 5 : zoom >= 15.5 ? 3.5 : 1.8, weight: zoom >= 15.5 ? 1 : 0.4 });
      spots.setStyle(spotStyle);
      spots.eachLayer((layer) => { layer.options.interactive = zoom >= 15.5 || layer.feature.properties.rank <= 25; });
    }

    const views = L.vectorGrid.protobuf(`${config.tiles}/views/{z}/{x}/{y}.pbf?run=${config.run}`, {
      rendererFactory: L.canvas.tile, pane: "views", maxNativeZoom: 18, minZoom: 12, maxZoom: 20,
      vectorTileLayerStyles: { views: { fill: true, fillColor: "#f2c14e", fillOpacity: 0.45, color: "#8a6410", weight: 0.6, opacity: 0.8 } },
    });
    const spots = L.geoJSON(null, {
      pane: "spots", renderer: top,
      style: spotStyle,
      onEachFeature: (f, layer) => {
        const p = f.properties;
        layer.bindTooltip(() => x.card(`${t.blind_spots} ${p.rank}`, [
          [t.area, `${whole.format(p.area_m2)} m²`], [t.widest, `${x.fine.format(p.widest_m)} m`], [t.grids, named(p, "grid_name")]]), { sticky: true });
        // A blind spot may fill its grid: a click on it still opens the grid's card.
        layer.on("click", (event) => {
          const grid = touched.getLayers().find((other) => other.feature.properties.code === p.grid);
          if (grid) grid.openPopup(event.latlng);
        });
      },
    });
    const cameras = L.geoJSON(null, {
      pointToLayer: (f, at) => L.circleMarker(at, { pane: "spots", renderer: top, radius: 3.5, weight: 1, color: "#fff", fillOpacity: 1, fillColor: CAMERA[f.properties.status] || "#0f6b3a" }),
      onEachFeature: (f, layer) => {
        const p = f.properties;
        layer.bindTooltip(() => x.card(p.name || p.code, [
          [t.code, p.code], [t.kind, t["camera_" + p.kind]], [t.status, t["status_" + p.status]],
          [t.bearing, p.bearing_deg == null ? null : `${whole.format(p.bearing_deg)}°`], [t.fov, p.fov_deg == null ? null : `${whole.format(p.fov_deg)}°`],
          [t.range, p.range_m == null ? null : `${whole.format(p.range_m)} m`], [t.view_area, p.area_m2 == null ? null : `${whole.format(p.area_m2)} m²`],
          [t.assumed, p.assumed == null ? null : p.assumed ? t.yes : t.no]]));
        layer.bindPopup(() => x.card(p.name || p.code, [[t.code, p.code]]));
        layer.on("popupopen", (event) => x.load(`cameras/${encodeURIComponent(p.code)}`).then((r) => event.popup.setContent(record(r))).catch(x.fail));
      },
    });

    // One record per camera: what the register has, and since when its status holds.
    function record(r) {
      const last = r.history[0];
      return x.card(r.name || r.code, [
        [t.code, r.code], [t.kind, t["camera_" + r.kind]], [t.status, t["status_" + r.status]], [t.status_since, last ? last.since.slice(0, 10) : null],
        [t.network, r.network == null ? null : r.network ? t.yes : t.no], [t.point_class, t["class_" + r.point_class]], [t.owner, r.owner], [t.platform, r.platform],
        [t.grids, r.in_grid_name], [t.bearing, r.bearing_deg == null ? null : `${whole.format(r.bearing_deg)}°`], [t.fov, r.fov_deg == null ? null : `${whole.format(r.fov_deg)}°`],
        [t.range, r.range_m == null ? null : `${whole.format(r.range_m)} m`], [t.height, r.height_m == null ? null : `${x.fine.format(r.height_m)} m`],
        [t.resolution, r.pixels_wide == null ? null : `${r.pixels_wide} px`], [t.installed_on, r.installed_on], [t.upgraded_on, r.upgraded_on],
        ...Object.entries(r.extra),
      ]);
    }
    touched.on("add", () => touched.bringToBack());
    x.overlay(L.layerGroup([shade, touched]), t.grids, true);
    if (config.views) x.overlay(views, t.views, true);
    x.overlay(spots, t.blind_spots, true);
    x.overlay(cameras, t.cameras, true);

    Promise.all([x.load("grids"), x.load("blind-spots", { limit: 3000 }), x.load("cameras")]).then(([grids, blind, points]) => {
      features = grids.features;
      shade.addData(grids);
      touched.addData(grids);
      spots.addData(blind);
      cameras.addData(points);
      paint();
      scaleMarks();
      map.on("zoomend", scaleMarks);
      const byCode = new Map(cameras.getLayers().map((layer) => [layer.feature.properties.code, layer]));
      global.gridcover.live(x.config.api, {
        status: (told) => {
          const layer = byCode.get(told.camera);
          if (!layer) return;
          layer.feature.properties.status = told.status;
          layer.setStyle({ fillColor: CAMERA[told.status] || "#0f6b3a" });
          x.pulse(told, `${layer.feature.properties.name || told.camera} · ${t["status_" + told.status]}`);
        },
      });
      const total = s.blind_spots;
      listTitle.append(" ", el("small", {}, t.shown_of.replace("{n}", whole.format(Math.min(LISTED, blind.features.length))).replace("{total}", whole.format(total))));
      for (const layer of spots.getLayers().slice(0, LISTED)) {
        const p = layer.feature.properties;
        const button = el("button", { type: "button", title: t.blind_hint },
          el("span", { class: "rank" }, String(p.rank)), el("span", {}, named(p, "grid_name")), el("span", { class: "amount" }, `${whole.format(p.area_m2)} m²`));
        button.addEventListener("click", () => {
          list.querySelectorAll(".chosen").forEach((b) => b.classList.remove("chosen"));
          button.classList.add("chosen");
          map.fitBounds(layer.getBounds(), { maxZoom: 18, padding: [80, 80] });
          layer.openTooltip(layer.getBounds().getCenter());
        });
        list.append(el("li", {}, button));
      }
      x.ready();
    }).catch(x.fail);
  }

  function incidents(x) {
    const { map, t, whole, fine, named, content } = x;
    const state = { at: 0, span: 1, categories: null, measure: "per_km2" };
    let months = [];
    let all = [];
    let timer = null;
    let asked = 0;
    let counted = {};
    let features = [];
    let cuts = [];
    const figures = el("div", { class: "figures" });
    const period = el("div", { class: "period", "aria-live": "polite" });
    const chart = svg("svg", { class: "months", role: "img", "aria-label": t.incidents });
    const slider = el("input", { type: "range", min: 0, step: 1, "aria-label": t.month, oninput: () => { state.at = Number(slider.value); update(); } });
    const play = el("button", { type: "button", onclick: toggle }, `▶ ${t.play}`);
    const span = el("select", { id: "pick-span", onchange: () => { state.span = Number(span.value); update(); } });
    for (const n of [1, 3, 12, 0]) span.append(el("option", { value: n }, t["span_" + n]));
    const measure = el("select", { id: "pick-measure", onchange: () => { state.measure = measure.value; paint(); } });
    for (const name of ["per_km2", "count", "per_1000_people"]) measure.append(el("option", { value: name }, t[name]));
    const boxes = el("div", { class: "checks" });
    const everyone = el("button", { type: "button", onclick: () => { state.categories = state.categories ? null : new Set(); drawBoxes(); update(); } }, t.all_categories);
    const key = el("div", {});
    const list = el("ol", { class: "ranked" });
    content.append(figures, el("div", { class: "row" }, play, period), chart, slider,
      el("div", { class: "row" }, el("label", { for: "pick-span" }, t.span), span),
      el("div", { class: "row" }, el("label", { for: "pick-measure" }, t.density), measure),
      el("h2", {}, t.categories, everyone), boxes, key, x.downloads([["incidents", t.incidents]]), el("h2", {}, t.top_grids), list);

    const shade = L.geoJSON(null, {
      pane: "shade", renderer: L.canvas({ pane: "shade" }),
      style: (f) => {
        const value = rate(f.properties);
        return { weight: 0.8, color: "#6b5b4d", opacity: 0.6, fillOpacity: value > 0 ? (map.hasLayer(heat) ? 0.32 : 0.6) : 0.04, fillColor: value == null ? "#d9d9d9" : DENSITY[classOf(value, cuts)] };
      },
      onEachFeature: (f, layer) => {
        const p = f.properties;
        layer.bindTooltip(() => {
          const n = counted[p.code] || 0;
          return x.card(named(p, "name"), [
            [t.count, whole.format(n)], [t.per_km2, p.area_m2 ? fine.format((n / p.area_m2) * 1e6) : null],
            [t.per_1000_people, p.population ? fine.format((n / p.population) * 1000) : t.no_data], [t.population, p.population == null ? null : whole.format(p.population)]]);
        }, { sticky: true });
      },
    });
    const heat = L.heatLayer([], { radius: 16, blur: 14, minOpacity: 0.12, maxZoom: 14, gradient: { 0.2: "#2c7fb8", 0.4: "#41b6c4", 0.6: "#fed976", 0.8: "#fd8d3c", 1: "#bd0026" } });
    x.overlay(shade, t.density, true);
    // In a group of its own: the control takes the heat scale's maxZoom for the layer's.
    x.overlay(L.layerGroup([heat]), t.heat, true);
    // A spot keeps its size on the ground within reason: on a wall-sized map too it must not fade.
    function scaleHeat() {
      const radius = Math.min(64, Math.max(12, 16 * Math.pow(2, map.getZoom() - 14)));
      heat.setOptions({ radius, blur: radius * 0.85 });
    }
    map.on("zoomend", scaleHeat);
    scaleHeat();
    heat.on("add remove", () => setTimeout(() => shade.setStyle(shade.options.style)));

    function rate(p) {
      const n = counted[p.code] || 0;
      if (state.measure === "count") return n;
      if (state.measure === "per_km2") return p.area_m2 ? (n / p.area_m2) * 1e6 : null;
      // A handful of residents makes any rate huge and means nothing.
      return p.population >= 50 ? (n / p.population) * 1000 : null;
    }

    function window_() {
      if (state.span === 0) return [0, months.length - 1];
      return [Math.max(0, state.at - state.span + 1), state.at];
    }

    function monthName(month) {
      const [year, number] = month.split("-");
      return x.zh ? `${year}年${Number(number)}月` : new Date(Number(year), Number(number) - 1).toLocaleDateString("en", { month: "short", year: "numeric" });
    }

    function drawChart() {
      const totals = months.map((m) => m.counts.filter((c) => !state.categories || state.categories.has(c.category)).reduce((sum, c) => sum + c.count, 0));
      const top = Math.max(1, ...totals);
      const width = 320;
      const step = width / months.length;
      const [a, b] = window_();
      chart.setAttribute("viewBox", `0 0 ${width} 74`);
      chart.setAttribute("preserveAspectRatio", "none");
      chart.replaceChildren();
      totals.forEach((n, k) => {
        const height = (n / top) * 70;
        const bar = svg("rect", { x: k * step + 0.5, y: 72 - height, width: Math.max(step - 1, 0.5), height, class: k >= a && k <= b ? "in" : "" });
        const hit = svg("rect", { x: k * step, y: 0, width: step, height: 74, class: "catch" });
        const title = svg("title", {});
        title.textContent = `${monthName(months[k].month)}: ${whole.format(n)}`;
        hit.append(title);
        hit.addEventListener("click", () => { state.at = k; slider.value = k; update(); });
        chart.append(bar, hit);
      });
    }

    function nextMonth(month) {
      const [year, number] = month.split("-").map(Number);
      return number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, "0")}`;
    }

    async function update() {
      const [a, b] = window_();
      const from = months[a].month;
      const to = months[b].month;
      slider.value = state.at;
      period.textContent = a === b ? monthName(from) : `${monthName(from)} – ${monthName(to)}`;
      drawChart();
      writeAddress();
      const mine = ++asked;
      const filter = { from, until: nextMonth(to), category: state.categories ? [...state.categories] : null };
      if (state.categories && state.categories.size === 0) filter.category = [""];
      try {
        const [density, points] = await Promise.all([x.load("incidents/density", filter), x.load("incidents/points", filter)]);
        if (mine !== asked) return;
        counted = density.grids;
        const most = points.points.reduce((top, p) => Math.max(top, p[2]), 1);
        heat.setOptions({ max: heatMax(points.points, most) });
        heat.setLatLngs(points.points);
        figures.replaceChildren(
          el("strong", {}, whole.format(density.total)), el("span", {}, t.in_period),
          el("strong", { class: density.outside ? "warn" : null }, whole.format(density.outside)), el("span", {}, t.outside));
        paint();
        document.body.dataset.period = `${from}/${to}`;
      } catch (error) {
        if (mine === asked) x.fail(error);
      }
    }

    function heatMax(points, most) {
      // So that a month and three years both show their centres, not one red sheet.
      const cells = new Map();
      for (const [lat, lon, n] of points) {
        const key = `${Math.round(lat * 1200)},${Math.round(lon * 1000)}`;
        cells.set(key, (cells.get(key) || 0) + n);
      }
      const sums = [...cells.values()].sort((a, b) => a - b);
      return Math.max(3, most * 0.5, (sums[Math.floor(sums.length * 0.99)] || 1) * 2.2);
    }

    function paint() {
      const values = features.map((f) => rate(f.properties));
      const present = values.filter((v) => v > 0);
      cuts = breaksOf(present, 5, "quantile");
      const counts = [0, 0, 0, 0, 0];
      values.forEach((v) => { if (v != null) counts[classOf(v, cuts)]++; });
      const ramp = el("div", {}, el("div", { class: "ramp" }), el("div", { class: "ends" }, el("span", {}, t.low), el("span", {}, t.heat), el("span", {}, t.high)));
      key.replaceChildren(el("h2", {}, `${t.density} (${t[state.measure]})`), cuts.length ? x.legend(cuts, DENSITY, (v) => fine.format(v), counts) : el("p", {}, t.no_data), ramp);
      shade.setStyle(shade.options.style);
      list.replaceChildren();
      const ranked = shade.getLayers().map((layer) => [rate(layer.feature.properties) || 0, layer]).sort((p, q) => q[0] - p[0]).slice(0, 15);
      ranked.forEach(([value, layer], k) => {
        if (!(value > 0)) return;
        const p = layer.feature.properties;
        list.append(el("li", {}, el("button", { type: "button", onclick: () => { map.fitBounds(layer.getBounds(), { maxZoom: 17 }); layer.openTooltip(layer.getBounds().getCenter()); } },
          el("span", { class: "rank" }, String(k + 1)), el("span", {}, named(p, "name")), el("span", { class: "amount" }, fine.format(value)))));
      });
    }

    function toggle() {
      if (timer) {
        clearInterval(timer);
        timer = null;
        play.textContent = `▶ ${t.play}`;
        return;
      }
      play.textContent = `❚❚ ${t.pause}`;
      timer = setInterval(() => { state.at = (state.at + 1) % months.length; update(); }, 1100);
    }

    function writeAddress() {
      const parts = new URLSearchParams({ month: months[state.at].month, span: state.span });
      if (state.categories) parts.set("category", [...state.categories].join(","));
      history.replaceState(null, "", `${location.pathname}${location.search}#${parts}`);
    }

    function readAddress() {
      const parts = new URLSearchParams(location.hash.slice(1));
      const at = months.findIndex((m) => m.month === parts.get("month"));
      state.at = at >= 0 ? at : months.length - 1;
      if (["0", "1", "3", "12"].includes(parts.get("span"))) state.span = Number(parts.get("span"));
      if (parts.has("category")) state.categories = new Set(parts.get("category").split(",").filter((c) => all.includes(c)));
      span.value = state.span;
    }

    function drawBoxes() {
      boxes.replaceChildren();
      boxes.classList.toggle("many", all.length > 12);
      for (const category of all) {
        const box = el("input", { type: "checkbox", value: category });
        box.checked = !state.categories || state.categories.has(category);
        box.addEventListener("change", () => {
          const chosen = [...boxes.querySelectorAll("input:checked")].map((b) => b.value);
          state.categories = chosen.length === all.length ? null : new Set(chosen);
          update();
        });
        const name = t["category_" + category] || category;
        boxes.append(el("label", { title: name }, box, el("span", {}, name)));
      }
    }

    Promise.all([x.load("grids"), x.load("incidents/months")]).then(async ([grids, data]) => {
      features = grids.features;
      shade.addData(grids);
      months = data.months;
      all = data.categories;
      if (!months.length) {
        content.replaceChildren(el("p", {}, t.no_data));
        x.ready();
        return;
      }
      slider.max = months.length - 1;
      readAddress();
      drawBoxes();
      await update();
      x.ready();
      global.gridcover.live(x.config.api, {
        incident: (told) => x.pulse(told, t["category_" + told.category] || told.category),
      });
    }).catch(x.fail);
  }

  Object.assign(global.gridcover, { start, pages: { coverage, incidents } });
})(window);
