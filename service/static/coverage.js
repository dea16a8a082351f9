/* The planner's page: grids by what is seen of them, views, blind spots, cards, two dates side by side. */
(function (global) {
  "use strict";

  const { el, tiles, cameraStyle, CAMERA } = global.gridcover;
  const SPOT = "#c2410c";
  const IMAGES = ["seen", "2025.overview", "2025.outline", "2025.discern", "2025.perceive", "2025.characterise", "2025.validate", "2025.scrutinise", "2014.detect", "2014.observe", "2014.recognise", "2014.identify"];
  const PAGE = 100; // rows of the list that are fetched at a time

  function coverage(x) {
    const { map, config, t, whole, fine, percent, named, content, where, RAMPS, UNKNOWN } = x;
    let values = { codes: [], communities: [], values: [], ground_m2: [] };
    let byCode = new Map();
    let cuts = [];
    let known = [];
    let inside = null;
    let used = null; // cameras that the figures rest on
    const status = new Map(); // told since the tiles were made

    const figures = el("div", { class: "figures" });
    const key = el("div", { class: "key" });
    const options = el("details", { class: "options" }, el("summary", {}, t.more_options));
    const measure = x.pick("measure", t.measure, [["open_covered_share", t.open_ground], ["covered_share", t.all_ground], ["twice_covered_share", t.twice], ["risk", t.risk]], () => refresh());
    const image = x.pick("image", t.image, IMAGES.map((name) => [name, t[`image_${name.replace(".", "_")}`]]), () => refresh());
    const light = x.pick("light", t.light, [["day", t.light_day], ["night", t.light_night]], () => refresh());
    const group = x.pick("cameras", t.which_cameras, ["working", "all", "public", "industry", "private"].map((name) => [name, t[`group_${name}`]]), () => refresh());
    const classes = x.pick("classes", t.classes, [["natural", t.natural], ["quantile", t.quantile], ["equal", t.equal]], () => paint());
    const number = x.pick("number", t.class_number, [["5", "5"], ["4", "4"], ["3", "3"]], () => paint());
    options.append(image.row, light.row, group.row, classes.row, number.row);
    options.open = ["image", "light", "cameras", "classes", "number"].some((name) => where.get(name));
    // The figures are asked for before the tiles that they colour.
    const opening = refresh();
    const area = x.areaFilter((code) => { narrow(code); paint(); listed(); });
    const search = x.searchBox((hit) => { if (hit.kind === "grid") openGrid(hit.code); else if (hit.kind === "camera") openCamera(hit.code); else if (hit.kind !== "key_place") area.choose(hit.code); });
    const by = x.pick("by", t.worst_by, [["area", t.by_area], ["risk", t.by_risk]], () => listed());
    const list = el("ol", { class: "ranked" });
    const listTitle = el("h2", {}, t.blind_list);
    const more = el("button", { type: "button", class: "more", hidden: true, onclick: () => listed(list.children.length) }, t.more_rows);
    const compare = el("details", { class: "compare", ontoggle: () => { if (compare.open) dates(); } }, el("summary", {}, t.compare));
    const layers = [["grids", t.grids], ["blind-spots", t.blind_spots], ...(config.views ? [["cameras", t.cameras], ["views", t.views]] : [])];
    if (!x.wall && !x.saved) content.append(search);
    content.append(area.box, figures, measure.row, options, key);
    if (!x.saved) content.append(x.downloads(layers, () => ({ area: where.get("area") })), compare);
    if (config.views && !x.wall && !x.saved) {
      content.append(global.gridcover.planning(x));
    }
    content.append(listTitle, by.row, list, more);

    // What a grid's figure is, whatever it is a share of.
    const told = (v) => (v == null ? t.no_data : measure.value === "risk" ? fine.format(v) : percent.format(v));
    const colour = (v) => (v == null ? UNKNOWN : RAMPS[measure.value === "risk" ? "density" : "share"][spread(x.classOf(v, cuts))]);
    // Fewer classes keep the ends of the ramp.
    const spread = (k) => Math.round((k * 4) / Math.max(1, cuts.length));
    const shown = (code) => !inside || inside.has(code);

    function gridStyle(lookup) {
      return (p) => {
        const v = p.level ? p.open_covered_share : lookup(p.code);
        const mine = p.level || shown(p.code);
        return { fill: true, weight: mine ? 1 : 0.4, color: "#52606d", opacity: mine ? 0.7 : 0.3, fillOpacity: mine ? 0.55 : 0.04, fillColor: p.level && measure.value === "risk" ? UNKNOWN : colour(v) };
      };
    }
    const shade = tiles(`${config.tiles}/grids/{z}/{x}/{y}.pbf`, { grids: gridStyle((code) => byCode.get(code)) }, { pane: "shade", bounds: x.ground });
    const views = tiles(`${config.tiles}/views/{z}/{x}/{y}.pbf`, { views: (p, zoom) => ({ fill: true, fillColor: "#f2c14e", fillOpacity: zoom >= 15 ? 0.45 : 0.3, color: "#8a6410", weight: 0.6, opacity: 0.8, stroke: zoom >= 15 }) }, { pane: "views", bounds: x.ground, minZoom: 14, updateWhenIdle: true });
    const spots = tiles(`${config.tiles}/blind-spots/{z}/{x}/{y}.pbf`, {
      // From afar thousands of outlines are one red sheet: the shading of the grids tells more there.
      "blind-spots": { fill: true, color: SPOT, weight: 1.2, opacity: 0.9, fillColor: SPOT, fillOpacity: 0.25 },
    }, { pane: "spots", bounds: x.ground, minZoom: 16, updateWhenIdle: true });
    const cameras = tiles(`${config.tiles}/cameras/{z}/{x}/{y}.pbf`, {
      cameras: cameraStyle((code) => status.get(code)),
    }, { pane: "points", bounds: x.ground, updateWhenIdle: true });
    const standing = x.leads(shade);
    x.overlay(shade, t.grids, true);
    if (config.views) x.overlay(views, t.views, "later");
    x.overlay(spots, t.blind_spots, "later");
    x.overlay(cameras, t.cameras, "later");
    const lens = L.geoJSON(null, { pane: "sight", interactive: false, style: (f) => (f.properties.seen ? { color: "#8a6410", weight: 2, fillColor: "#f2c14e", fillOpacity: 0.55 } : { color: "#444", weight: 1, dashArray: "3 3", fillColor: "#444", fillOpacity: 0.28 }) }).addTo(map);
    const outline = L.rectangle([[0, 0], [0, 0]], { pane: "sight", interactive: false, color: SPOT, weight: 2, dashArray: "6 4", fill: false });
    x.closed = () => { lens.clearLayers(); outline.remove(); };

    x.pointing([["camera", cameras], ["spot", spots], ["grid", shade]], (kind, p) => {
      if (kind === "camera") {
        if (p.count != null) return x.card(t.cameras, [[t.count_of, whole.format(p.count)], [t.status_working, whole.format(p.working)], [t.cameras_unknown_status, p.unknown ? whole.format(p.unknown) : null]]);
        return x.card(p.name || p.code, [[t.kind, t["camera_" + p.kind]], [t.status, t["status_" + (status.get(p.code) || p.status)]]]);
      }
      if (kind === "spot") return x.card(t.blind_spots, [[t.area, `${whole.format(p.area_m2)} m²`], [t.widest, `${fine.format(p.widest_m)} m`]]);
      if (p.level) return x.card(named(p, "name"), [[t.open_covered, p.open_covered_share == null ? t.no_data : percent.format(p.open_covered_share)]]);
      return x.card(named(p, "name"), [
        [measure.select.selectedOptions[0].textContent, told(byCode.get(p.code))], [t.open_covered, p.open_covered_share == null ? t.no_data : percent.format(p.open_covered_share)],
        [t.covered, p.covered_share == null ? t.no_data : percent.format(p.covered_share)], [t.cameras_reach, p.cameras]]);
    }, (kind, p, at) => {
      if (kind === "camera" && p.count != null) map.setView(at, Math.min(18, map.getZoom() + 2));
      else if (x.saved) return;
      else if (kind === "camera") openCamera(p.code);
      else if (kind === "spot") openGrid(p.grid);
      else if (!p.level) openGrid(p.code);
    });

    function narrow(code) {
      const communities = x.beneath(known, code);
      inside = communities && new Set(values.codes.filter((c, k) => communities.has(values.communities[k])));
    }

    async function refresh() {
      for (const one of [image, light, group]) one.select.disabled = measure.value !== "open_covered_share";
      const plain = measure.value !== "open_covered_share";
      if (image.value !== "seen" && group.value !== "working" && !plain) {
        group.select.value = "working";
        where.set("cameras", null);
      }
      const asked = plain ? { measure: measure.value } : { measure: measure.value, image: image.value, light: light.value, cameras: group.value };
      values = await x.load("grids/values", asked);
      byCode = new Map(values.codes.map((code, k) => [code, values.values[k]]));
      narrow(where.get("area") || "");
      paint();
    }

    // Of shares the whole is divided, of other figures the largest.
    function equalSteps(n) {
      const top = measure.value === "risk" ? Math.max(0, ...values.values.filter((v) => v != null)) : 1;
      return top > 0 ? Array.from({ length: n - 1 }, (_, k) => (top * (k + 1)) / n) : [];
    }

    function paint() {
      const mine = values.values.filter((v, k) => v != null && shown(values.codes[k]));
      const n = Number(number.value);
      // Of the whole map, so that an area alone has the colours that it has among the others.
      cuts = classes.value === "equal" ? equalSteps(n) : (values.breaks && values.breaks[classes.value][String(n)]) || [];
      const counts = Array(cuts.length + 1).fill(0);
      mine.forEach((v) => { counts[x.classOf(v, cuts)]++; });
      const ramp = RAMPS[measure.value === "risk" ? "density" : "share"];
      const format = measure.value === "risk" ? (v) => fine.format(v) : (v) => percent.format(v);
      key.replaceChildren(el("h2", {}, measure.select.selectedOptions[0].textContent), x.legend(cuts, cuts.map((_, k) => ramp[spread(k)]).concat(ramp[spread(cuts.length)]), format, counts, mine.length ? mine[0] : null), extras(values.values.length - values.values.filter((v) => v != null).length));
      summary();
      shade.restyle();
      if (second) second.paint();
      document.body.dataset.painted = String(Number(document.body.dataset.painted || 0) + 1);
      document.body.dataset.shown = String(mine.length);
    }

    function summary() {
      let ground = 0;
      let part = 0;
      let risk = 0;
      values.values.forEach((v, k) => {
        if (v == null || !shown(values.codes[k])) return;
        ground += values.ground_m2[k] || 0;
        part += v * (values.ground_m2[k] || 0);
        risk += v;
      });
      const rows = measure.value === "risk"
        ? [[fine.format(risk), t.risk_whole]]
        : [[ground ? percent.format(part / ground) : "–", { open_covered_share: t.open_covered, covered_share: t.covered, twice_covered_share: t.seen_twice }[measure.value]], [ground ? `${fine.format((ground - part) / 1e6)} km²` : "–", t.not_seen]];
      figures.replaceChildren();
      for (const [value, words] of rows) figures.append(el("strong", {}, value), el("span", {}, words));
      if (!inside && used) figures.append(el("strong", {}, whole.format(used.cameras)), el("span", {}, t.cameras_used), el("strong", { class: used.assumed_share > 0 ? "warn" : null }, percent.format(used.assumed_share)), el("span", {}, t.assumed_share));
    }

    function extras(missing) {
      const rows = el("ul", { class: "legend" });
      if (missing) rows.append(x.swatch(UNKNOWN, t.no_data, missing));
      if (config.views) rows.append(x.swatch("#f2c14e99", t.views));
      rows.append(x.swatch(`${SPOT}55`, t.blind_spots));
      for (const name of ["working", "faulty", "offline", "unknown"]) rows.append(x.swatch(CAMERA[name], `${t.cameras}: ${t["status_" + name]}`, null, "round"));
      return rows;
    }

    async function listed(offset) {
      if (x.saved && offset) return;
      const from = typeof offset === "number" ? offset : 0;
      const found = await x.load("blind-spots/ranked", { by: by.value, area: where.get("area"), limit: PAGE, offset: from });
      if (!from) list.replaceChildren();
      for (const row of found.rows) {
        const button = el("button", { type: "button", title: t.blind_hint },
          el("span", { class: "rank" }, String(row.rank)), el("span", {}, (!x.zh && row.grid_name_en) || row.grid_name || row.grid, " ", el("small", {}, by.value === "risk" ? `${whole.format(row.area_m2)} m²` : row.risk == null ? "" : `${t.risk_short} ${fine.format(row.risk)}`)),
          el("span", { class: "amount" }, by.value === "risk" ? (row.risk == null ? "–" : fine.format(row.risk)) : `${whole.format(row.area_m2)} m²`));
        button.addEventListener("click", () => {
          list.querySelectorAll(".chosen").forEach((b) => b.classList.remove("chosen"));
          button.classList.add("chosen");
          const [west, south, east, north] = row.box;
          outline.setBounds([[south, west], [north, east]]).addTo(map);
          map.flyToBounds([[south, west], [north, east]], { maxZoom: 18, padding: [80, 80], duration: 0.6 });
          document.body.dataset.spot = `${row.grid} ${row.number}`;
        });
        list.append(el("li", {}, button));
      }
      more.hidden = list.children.length >= found.spots;
      listTitle.replaceChildren(t.blind_list, " ", el("small", {}, (found.risk == null ? t.spots_sum : t.spots_sum_risk).replace("{n}", whole.format(found.spots)).replace("{area}", fine.format(found.area_m2 / 1e6)).replace("{risk}", whole.format(found.risk ?? 0))));
      document.body.dataset.listed = `${by.value} ${list.children.length}`;
    }

    async function openGrid(code) {
      where.set("grid", code);
      const c = await x.load(`grids/${encodeURIComponent(code)}/card`);
      const share = (v) => (v == null ? t.no_data : percent.format(v));
      const night = c.quality && c.quality.working && c.quality.working.night ? c.quality.working.night.seen : null;
      const nodes = [
        el("h2", {}, named(c, "name")),
        x.card(t.figures, [
          [t.code, c.code], [t.subdistrict, named(c, "subdistrict_name")], [t.community, named(c, "community_name")], [t.population, c.population == null ? null : whole.format(c.population)],
          [t.area, c.area_m2 == null ? null : `${whole.format(c.area_m2)} m²`], [t.open_covered, share(c.open_covered_share)], [t.at_night, night == null ? null : percent.format(night)], [t.covered, share(c.covered_share)],
          [t.seen_twice, c.twice_covered_share == null ? null : percent.format(c.twice_covered_share)], [t.blind_spots, c.blind_spots ? `${whole.format(c.blind_spots)} · ${whole.format(c.blind_m2)} m²` : "0"],
          [t.risk_short, c.risk == null ? null : fine.format(c.risk)], [t.count, c.incidents == null ? null : whole.format(c.incidents)], [t.per_km2, c.per_km2 == null ? null : fine.format(c.per_km2)]]),
      ];
      if (c.months.length > 1) nodes.push(el("h3", {}, t.incidents_by_month), global.gridcover.chart(c.months.map((m) => m.month), [{ label: t.count, values: c.months.map((m) => m.count), bars: true }], { height: 110, format: whole }));
      if (c.trend.length) {
        nodes.push(el("h3", {}, t.coverage_by_run));
        if (c.trend.length > 1) nodes.push(global.gridcover.chart(c.trend.map((r) => r.at.slice(0, 10)), [{ label: t.open_covered, values: c.trend.map((r) => r.open_covered_share), colour: "#2f7fa3" }], { height: 110, format: percent, top: 1 }));
        else nodes.push(el("p", { class: "hint" }, `${t.run} ${c.trend[0].run} · ${c.trend[0].at.slice(0, 10)} · ${share(c.trend[0].open_covered_share)}`));
      }
      if (c.staff.length) nodes.push(x.card(t.staff, c.staff.map((p) => [t[`role_${p.role}`], p.phone ? `${p.name} ${p.phone}` : p.name])));
      nodes.push(el("h3", {}, t.assumptions), el("p", { class: "hint" }, t.assumptions_line.replace("{n}", whole.format(c.assumed)).replace("{all}", whole.format(c.seen_by.length)).replace("{run}", c.run == null ? "–" : String(c.run))));
      if (c.seen_by.length) {
        const rows = el("ol", { class: "ranked cameras" });
        for (const camera of c.seen_by.slice(0, 60)) {
          const dot = el("span", { class: "round" });
          dot.style.background = CAMERA[camera.status] || CAMERA.unknown;
          rows.append(el("li", {}, el("button", { type: "button", onclick: () => openCamera(camera.code) }, dot, el("span", {}, camera.name || camera.code), el("span", { class: "amount" }, camera.inside ? t.inside : t.looks_in))));
        }
        nodes.push(el("h3", {}, `${t.cameras} (${whole.format(c.seen_by.length)})`), rows);
      }
      x.showCard(`grid ${code}`, ...nodes);
      const [west, south, east, north] = c.box;
      outline.setStyle({ color: "#12355b" }).setBounds([[south, west], [north, east]]).addTo(map);
      if (!map.getBounds().intersects([[south, west], [north, east]])) map.fitBounds([[south, west], [north, east]], { maxZoom: 17, padding: [60, 60] });
    }

    async function openCamera(code) {
      const [r, v] = await Promise.all([x.load(`cameras/${encodeURIComponent(code)}`), x.load(`cameras/${encodeURIComponent(code)}/view`)]);
      const last = r.history[0];
      const worded = (name, unit) => (v.parameters[name] == null ? null : `${whole.format(v.parameters[name])}${unit}${v.on_record[name] ? "" : ` (${t.assumed_word})`}`);
      x.showCard(`camera ${code}`, el("h2", {}, r.name || r.code), x.card(t.figures, [
        [t.code, r.code], [t.kind, t["camera_" + r.kind]], [t.status, t["status_" + r.status]], [t.status_since, last ? last.since.slice(0, 10) : null],
        [t.network, r.network == null ? null : r.network ? t.yes : t.no], [t.point_class, t["class_" + r.point_class]], [t.owner, r.owner], [t.platform, r.platform],
        [t.grids, r.in_grid_name], [t.resolution, r.pixels_wide == null ? null : `${r.pixels_wide} px`], [t.installed_on, r.installed_on], [t.upgraded_on, r.upgraded_on], ...Object.entries(r.extra || {})]),
      x.card(t.seen_and_hidden, [
        [t.seen_ground, `${whole.format(v.seen_m2)} m²`], [t.hidden_ground, `${whole.format(v.hidden_m2)} m²`],
        [t.bearing, worded("bearing_deg", "°")], [t.fov, worded("fov_deg", "°")], [t.range, worded("range_m", " m")], [t.height, worded("height_m", " m")]]),
      el("ul", { class: "legend" }, x.swatch("#f2c14e", t.seen_ground), x.swatch("#44444466", t.hidden_ground)));
      lens.clearLayers();
      for (const [name, seen] of [["seen", true], ["hidden", false]]) if (v[name].coordinates.length) lens.addData({ type: "Feature", properties: { seen }, geometry: v[name] });
      const box = lens.getBounds();
      if (box.isValid() && !map.getBounds().contains(box)) map.fitBounds(box, { maxZoom: 18, padding: [60, 60] });
    }

    // Two dates side by side: the run of now on the left, an older one on the right.
    let second = null;
    async function dates() {
      if (compare.children.length > 1) return;
      const runs = (await x.load("runs", { limit: 50 })).filter((run) => run.id < values.run);
      if (!runs.length) {
        compare.append(el("p", { class: "hint" }, t.compare_none));
        return;
      }
      const select = el("select", { id: "pick-run", "aria-label": t.compare }, el("option", { value: "" }, t.compare_off), ...runs.map((run) => el("option", { value: run.id }, `${run.finished_at.slice(0, 16).replace("T", " ")} (${t.run} ${run.id})`)));
      select.addEventListener("change", () => { where.set("run", select.value || null); beside(Number(select.value)).catch(x.fail); });
      compare.append(el("div", { class: "row" }, el("label", { for: "pick-run" }, t.compare_with), select), el("div", { class: "compared" }));
      if (where.get("run")) {
        select.value = where.get("run");
        if (select.value) await beside(Number(select.value));
      }
    }

    async function beside(run) {
      const sums = compare.querySelector(".compared");
      document.body.classList.toggle("beside", !!run);
      if (second) { second.remove(); second = null; }
      sums.replaceChildren();
      map.invalidateSize();
      if (!run) return;
      const plain = measure.value === "risk" ? "open_covered_share" : measure.value;
      const then = await x.load("grids/values", { measure: plain, run });
      const past = new Map(then.codes.map((code, k) => [code, then.values[k]]));
      const place = el("div", { id: "second", role: "img", "aria-label": `${t.run} ${run}` });
      map.getContainer().after(place);
      const other = L.map(place, { zoomControl: false, attributionControl: false, preferCanvas: true, zoomSnap: 0.5, minZoom: 3, maxZoom: 20 }).setView(map.getCenter(), map.getZoom(), { animate: false });
      for (const name of ["base", "shade"]) other.createPane(name).style.zIndex = name === "base" ? 210 : 390;
      x.baseFor().addTo(other);
      const old = tiles(`${config.tiles}/grids/{z}/{x}/{y}.pbf`, { grids: gridStyle((code) => past.get(code)) }, { pane: "shade", bounds: x.ground }).addTo(other);
      place.append(el("p", { class: "date" }, `${t.run} ${run}`), el("p", { class: "date now" }, `${t.run} ${values.run}`));
      map.getContainer().append(place.lastChild);
      let moving = false;
      const follow = (from, to) => () => {
        if (moving) return;
        moving = true;
        to.setView(from.getCenter(), from.getZoom(), { animate: false });
        moving = false;
      };
      const there = follow(map, other);
      map.on("move", there);
      other.on("move", follow(other, map));
      const changes = values.codes.map((code, k) => [values.values[k], past.get(code)]).filter(([a, b]) => a != null && b != null);
      sums.append(el("p", {}, t.compare_line.replace("{up}", whole.format(changes.filter(([a, b]) => a > b + 0.001).length)).replace("{down}", whole.format(changes.filter(([a, b]) => a < b - 0.001).length)).replace("{same}", whole.format(changes.filter(([a, b]) => Math.abs(a - b) <= 0.001).length))));
      second = {
        paint: () => old.restyle(),
        remove: () => { map.off("move", there); other.remove(); place.remove(); map.getContainer().querySelectorAll(".date").forEach((n) => n.remove()); },
      };
      document.body.dataset.beside = String(run);
    }

    x.describe = () => [measure.select.selectedOptions[0].textContent, measure.value === "open_covered_share" ? [image, light, group].map((one) => one.select.selectedOptions[0].textContent).join(" · ") : "", [...area.box.querySelectorAll("select")].filter((one) => one.value).map((one) => one.selectedOptions[0].textContent).join(" › ")].filter(Boolean).join(" · ");
    x.prefetch = ["grids", "blind-spots", "cameras", ...(config.views ? ["views"] : [])];

    // What comes after the first map waits for it.
    Promise.all([opening, x.areas.then((found) => { known = found; })]).then(async () => {
      if (where.get("area")) {
        narrow(where.get("area"));
        paint();
      }
      await standing;
      x.load("coverage/cameras").then((found) => { used = found; summary(); }).catch(x.fail);
      await listed();
      if (where.get("run") && !x.saved) compare.open = true;
      if (where.get("grid") && !x.saved) await openGrid(where.get("grid"));
      if (config.views) {
        global.gridcover.live(config.api, {
          status: (heard) => {
            status.set(heard.camera, heard.status);
            cameras.restyle();
            x.pulse(heard, `${heard.name || heard.camera} · ${t["status_" + heard.status]}`);
          },
        });
      }
      x.ready();
    }).catch(x.fail);
  }

  global.gridcover.pages.coverage = coverage;
})(window);
