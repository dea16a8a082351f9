/* The commander's page: incidents over any span as heat, density, hot spots and change, with charts beside the
   map. One filter drives all of it and lives in the address. */
(function (global) {
  "use strict";

  const { el, tiles, chart, week } = global.gridcover;
  const STEPS = ["month", "week", "day", "hour"];
  const SPANS = { month: [1, 3, 12, 0], week: [1, 4, 13, 52], day: [1, 7, 30, 90], hour: [1, 3, 6, 24] };
  const CLASSES = {
    hot_spot: { hot_99: "#b2182b", hot_95: "#ef8a62", hot_90: "#fddbc7", cold_90: "#d1e5f0", cold_95: "#67a9cf", cold_99: "#2166ac" },
    emerging: {
      new_hot: "#ff7f00", consecutive_hot: "#e31a1c", intensifying_hot: "#99000d", persistent_hot: "#cb181d", diminishing_hot: "#fc9272", sporadic_hot: "#fdae6b", oscillating_hot: "#c994c7", historical_hot: "#a08070",
      new_cold: "#a6cee3", consecutive_cold: "#6baed6", intensifying_cold: "#08519c", persistent_cold: "#2171b5", diminishing_cold: "#9ecae1", sporadic_cold: "#c6dbef", oscillating_cold: "#9e9ac8", historical_cold: "#8da0ae",
    },
  };
  const TOP = 12;

  // Moments are of the local calendar and have no zone: they are reckoned as if they were UTC.
  const parse = (text) => new Date(`${text.length === 7 ? `${text}-01` : text.slice(0, 10)}T${text.length > 10 ? text.slice(11, 13) : "00"}:00:00Z`);
  const two = (n) => String(n).padStart(2, "0");
  function key(date, step) {
    const day = `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}`;
    if (step === "month") return day;
    return step === "hour" ? `${day}-${two(date.getUTCDate())}T${two(date.getUTCHours())}` : `${day}-${two(date.getUTCDate())}`;
  }
  function floor(date, step) {
    const out = new Date(date);
    out.setUTCMinutes(0, 0, 0);
    if (step === "hour") return out;
    out.setUTCHours(0);
    if (step === "week") out.setUTCDate(out.getUTCDate() - ((out.getUTCDay() + 6) % 7));
    if (step === "month") out.setUTCDate(1);
    return out;
  }
  function next(date, step, n) {
    const out = new Date(date);
    const by = n == null ? 1 : n;
    if (step === "month") out.setUTCMonth(out.getUTCMonth() + by);
    else out.setTime(out.getTime() + by * { hour: 3600e3, day: 86400e3, week: 7 * 86400e3 }[step]);
    return out;
  }

  function incidents(x) {
    const { map, config, t, whole, fine, percent, named, content, where, RAMPS, UNKNOWN } = x;
    const period = config.period; // first and last
    let categories = []; // path and count, of the whole tree
    let steps = []; // keys of the steps that can be chosen
    let at = 0;
    let timer = null;
    let asked = 0;
    let known = [];
    let grids = { codes: [], communities: [], values: [], ground_m2: [] };
    let people = new Map();
    let counted = {};
    let cuts = [];
    let colourOf = () => null;
    let trend = null;
    // Asked for before the tiles that they colour.
    const ground = Promise.all([x.load("grids/values", { measure: "population" }), x.areas]).then(([values, areas]) => {
      grids = values;
      known = areas;
      people = new Map(values.codes.map((code, k) => [code, values.values[k]]));
      base();
    });

    const figures = el("div", { class: "figures" });
    const told = el("div", { class: "period", "aria-live": "polite" });
    const slider = el("input", { type: "range", min: 0, step: 1, "aria-label": t.period, oninput: () => { at = Number(slider.value); update(); } });
    const play = el("button", { type: "button", class: "play", onclick: toggle }, `▶ ${t.play}`);
    const step = x.pick("step", t.step, STEPS.map((name) => [name, t[`step_${name}`]]), () => { stop(); restep(); update(); });
    const span = x.pick("span", t.span, [["1", "1"]], () => update());
    const show = x.pick("show", t.show, [["density", t.show_density], ["hot_spot", t.show_hot_spot], ["emerging", t.show_emerging], ["change", t.show_change]], () => update());
    const level = x.pick("level", t.by_what, [["grid", t.level_grid], ["community", t.level_community], ["subdistrict", t.level_subdistrict]], () => update());
    const measure = x.pick("measure", t.measure, [["per_km2", t.per_km2], ["count", t.count], ["per_1000_people", t.per_1000_people]], () => { paint(); ranked(); });
    const against = x.pick("against", t.against, [["before", t.against_before], ["year", t.against_year]], () => update());
    const area = x.areaFilter(() => update());
    const tree = el("details", { class: "tree" });
    const legend = el("div", { class: "key" });
    const list = el("ol", { class: "ranked" });
    const listTitle = el("h2", {}, t.top_areas);
    const trends = el("div", { class: "block trend" });
    const lines = el("div", { class: "block lines-by" });
    const hours = el("div", { class: "block hours" });
    const search = x.searchBox((hit) => { if (!["grid", "camera", "key_place"].includes(hit.kind)) area.choose(hit.code); });
    const shift = el("div", { class: "row shift" }, el("button", { type: "button", onclick: () => move(-1), "aria-label": t.earlier }, "‹"), el("button", { type: "button", onclick: () => move(1), "aria-label": t.later }, "›"));
    const head = el("div", { class: "block head" }, figures, el("div", { class: "row" }, play, told, shift), slider, trends);
    const filter = el("div", { class: "block filter" }, x.wall || x.saved ? null : search, area.box, step.row, span.row, show.row, level.row, measure.row, against.row, tree);
    if (!x.wall && !x.saved) filter.append(el("p", { class: "row" }, el("a", { class: "wall-link", href: `/wall?lang=${config.language}` }, t.wall_open)), x.downloads([["incidents", t.incidents]], () => (steps.length ? query() : {})));
    content.append(head, filter, el("div", { class: "block" }, legend), el("div", { class: "block" }, listTitle, list), hours, lines);

    // Nothing is drawn before its colour is known.
    let draw = null;
    const coloured = new Promise((done) => { draw = done; });
    const areaOf = (p) => p.code;
    const style = (p) => {
      if (p.level && p.level !== level.value) return { fill: false, stroke: false, weight: 0, opacity: 0, interactive: false };
      const colour = colourOf(areaOf(p));
      const thin = map.hasLayer(heat) && show.value === "density";
      return { fill: true, weight: p.level ? 1.2 : 0.8, color: "#6b5b4d", opacity: 0.6, fillColor: colour || "#ffffff", fillOpacity: colour ? (thin ? 0.32 : 0.62) : 0.02 };
    };
    const byGrid = tiles(`${config.tiles}/grids/{z}/{x}/{y}.pbf`, { grids: style }, { pane: "shade", bounds: x.ground, after: coloured });
    const byArea = tiles(`${config.tiles}/areas/{z}/{x}/{y}.pbf`, { areas: style }, { pane: "shade", bounds: x.ground, after: coloured });
    const shading = L.layerGroup([level.value === "grid" ? byGrid : byArea]);
    let standing = null;
    const heat = L.heatLayer([], { radius: 16, blur: 14, minOpacity: 0.12, maxZoom: 14, gradient: { 0.2: "#2c7fb8", 0.4: "#41b6c4", 0.6: "#fed976", 0.8: "#fd8d3c", 1: "#bd0026" } });
    // In a group of its own: the control takes the heat scale's maxZoom for the layer's.
    const warmth = L.layerGroup([heat]);
    x.overlay(warmth, t.heat, where.get("heat") !== "0");
    warmth.on("add remove", () => { where.set("heat", map.hasLayer(warmth) ? null : "0"); setTimeout(() => { paint(); points().catch(x.fail); }); });
    // A spot keeps its size on the ground within reason: on a wall-sized map too it must not fade.
    function scaleHeat() {
      const radius = Math.min(64, Math.max(12, 16 * Math.pow(2, map.getZoom() - 14)));
      heat.setOptions({ radius, blur: radius * 0.85 });
    }
    map.on("zoomend", scaleHeat);
    scaleHeat();

    x.pointing([["area", byArea], ["grid", byGrid]], (kind, p) => {
      if ((kind === "area") !== (level.value !== "grid") || (p.level && kind === "grid")) return null;
      const n = sums()[p.code] || 0;
      const one = found && found.grids ? found.grids[p.code] : null;
      return x.card(named(p, "name"), [
        [t.count, whole.format(n)], [t.per_km2, rate(p.code, "per_km2") == null ? null : fine.format(rate(p.code, "per_km2"))],
        [t.per_1000_people, rate(p.code, "per_1000_people") == null ? t.no_data : fine.format(rate(p.code, "per_1000_people"))],
        ...(one && one.class ? [[t[`show_${show.value}`], t[`class_of_${one.class}`]]] : []), ...(one && one.q != null ? [[t.q_value, fine.format(one.q)]] : []),
        ...(one && one.before != null ? [[t.before, whole.format(one.before)]] : []), ...(one && one.since ? [[t.since, one.since]] : [])]);
    }, (kind, p) => { if (p.level !== "district") area.choose(kind === "area" ? p.code : where.get("area") || ""); });

    // Counts of the areas of a level, out of those of the grids.
    function sums() {
      if (level.value === "grid") return counted;
      const parent = new Map(known.map((a) => [a.code, a]));
      const out = {};
      grids.codes.forEach((code, k) => {
        if (!counted[code]) return;
        for (let up = parent.get(grids.communities[k]); up; up = parent.get(up.parent)) if (up.level === level.value) out[up.code] = (out[up.code] || 0) + counted[code];
      });
      return out;
    }

    let bases = new Map();
    function base() {
      bases = new Map();
      const parent = new Map(known.map((a) => [a.code, a]));
      grids.codes.forEach((code, k) => {
        const mine = { area: grids.ground_m2[k] || 0, people: people.get(code) || 0 };
        bases.set(code, mine);
        for (let up = parent.get(grids.communities[k]); up; up = parent.get(up.parent)) {
          const sum = bases.get(up.code) || { area: 0, people: 0 };
          sum.area += mine.area;
          sum.people += mine.people;
          bases.set(up.code, sum);
        }
      });
    }

    function rate(code, by) {
      const n = sumsNow[code] || 0;
      const on = bases.get(code);
      if (by === "count") return n;
      if (!on) return null;
      if (by === "per_km2") return on.area ? (n / on.area) * 1e6 : null;
      // A handful of residents makes any rate huge and means nothing.
      return on.people >= 50 ? (n / on.people) * 1000 : null;
    }

    let sumsNow = {};
    let found = null; // of classes or change

    function window_() {
      const n = Number(span.value);
      return n === 0 ? [0, steps.length - 1] : [Math.max(0, at - n + 1), at];
    }

    function stepName(k) {
      const text = steps[k];
      const date = parse(text);
      const locale = x.zh ? "zh-CN" : "en-GB";
      const options = { month: { year: "numeric", month: "short" }, week: { year: "numeric", month: "short", day: "numeric" }, day: { year: "numeric", month: "short", day: "numeric", weekday: "short" }, hour: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" } }[step.value];
      return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(date);
    }

    // The steps that the slider runs over: all there are, of hours those of one week.
    function restep(to) {
      const last = parse(period.last);
      let moment = last;
      if (to) moment = to;
      else if (steps.length) moment = next(next(parse(steps[at]), stepWas, 1), "hour", -1);
      else if (where.get("to")) moment = parse(where.get("to"));
      if (!(moment <= last)) moment = last;
      if (moment < parse(period.first)) moment = parse(period.first);
      stepWas = step.value;
      let begin = floor(parse(period.first), step.value);
      let end = floor(last, step.value);
      if (step.value === "hour") {
        begin = floor(moment, "week");
        end = next(begin, "hour", 167);
      }
      steps = [];
      for (let date = begin; date <= end; date = next(date, step.value)) steps.push(key(date, step.value));
      const here = steps.indexOf(key(floor(moment, step.value), step.value));
      at = here >= 0 ? here : steps.length - 1;
      slider.max = steps.length - 1;
      shift.hidden = step.value !== "hour";
      const spans = SPANS[step.value];
      const chosen = Number(where.get("span") || spans[0]);
      span.select.replaceChildren(...spans.map((n) => el("option", { value: n, selected: n === chosen }, n === 0 ? t.span_0 : t[`span_${step.value}`].replace("{n}", n))));
      where.set("span", span.value === String(spans[0]) ? null : span.value);
    }
    let stepWas = null;

    function move(weeks) {
      const to = next(parse(steps[at]), "hour", 168 * weeks);
      if (to < floor(parse(period.first), "week") || to > parse(period.last)) return;
      restep(to);
      update();
    }

    function chosenCategories() {
      const text = where.get("category");
      return text == null ? null : text.split(",").filter(Boolean);
    }

    function query() {
      const [a, b] = window_();
      const chosen = chosenCategories();
      return {
        from: key(parse(steps[a]), step.value), until: key(next(parse(steps[b]), step.value), step.value),
        category: chosen ? (chosen.length ? chosen : [""]) : null, area: where.get("area") || null,
      };
    }

    const root = () => {
      const chosen = chosenCategories();
      return chosen && chosen.length === 1 && !chosen[0].includes("/") ? chosen[0] : "";
    };

    async function update() {
      const mine = ++asked;
      where.set("to", at === steps.length - 1 && step.value !== "hour" ? null : steps[at]);
      slider.value = at;
      slider.setAttribute("aria-valuetext", stepName(at));
      const [a, b] = window_();
      told.textContent = a === b ? stepName(a) : `${stepName(a)} – ${stepName(b)}`;
      against.row.hidden = show.value !== "change";
      measure.row.hidden = show.value !== "density";
      level.select.disabled = show.value !== "density";
      if (show.value !== "density" && level.value !== "grid") level.select.value = "grid";
      const shape = level.value === "grid" ? byGrid : byArea;
      if (!shading.hasLayer(shape)) {
        shading.clearLayers();
        shading.addLayer(shape);
      }
      if (trend && trend.mark) trend.mark(a, b);
      const asks = query();
      const whole_ = { from: key(parse(steps[0]), step.value), until: key(next(parse(steps[steps.length - 1]), step.value), step.value), category: asks.category, area: asks.area, step: step.value };
      try {
        const special = show.value === "change" ? x.load("incidents/change", { ...asks, against: against.value })
          : show.value === "density" ? null : x.load("incidents/classes", { kind: show.value, category: root() });
        const counts = x.load("incidents/density", asks);
        // The heat comes as soon as it can, the shading does not wait for it.
        points(asks, mine).catch((error) => { if (mine === asked) x.fail(error); });
        const [density, classes] = await Promise.all([counts, special, ground]);
        if (mine !== asked) return;
        counted = density.grids;
        found = classes;
        sumsNow = sums();
        figures.replaceChildren(
          el("strong", {}, whole.format(density.total)), el("span", {}, t.in_period),
          ...(density.outside ? [el("strong", { class: "warn" }, whole.format(density.outside)), el("span", {}, t.outside)] : []));
        if (show.value === "change" && found) {
          const rise = found.before ? found.now / found.before - 1 : null;
          figures.append(el("strong", {}, rise == null ? "–" : `${rise > 0 ? "+" : ""}${percent.format(rise)}`), el("span", {}, `${t.against_sum} (${whole.format(found.before)})`));
        }
        paint();
        draw();
        document.body.dataset.period = `${asks.from}/${asks.until}`;
        document.body.dataset.total = String(density.total);
        document.body.dataset.updates = String(Number(document.body.dataset.updates || 0) + 1);
        await standing;
        if (mine !== asked) return;
        ranked().catch(x.fail);
        // What stands beside the map follows, once the slider rests.
        clearTimeout(later);
        later = setTimeout(() => beside(asks, whole_, mine).catch(x.fail), timer ? 0 : 120);
      } catch (error) {
        if (mine === asked) x.fail(error);
      } finally {
        draw();
      }
    }
    let later = null;

    // Heat: places in squares of a few pixels, of what is in sight and a little around it.
    let sight = null;
    async function points(asks, mine) {
      if (!map.hasLayer(warmth)) return;
      const ask = asks || query();
      const round = mine || asked;
      const box = map.getBounds().pad(0.5);
      const zoom = Math.round(map.getZoom());
      const cell = Math.max(1e-4, (360 / Math.pow(2, zoom) / 256) * 6);
      const text = [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()].map((v, k) => (Math.round(v * 50 + (k < 2 ? -0.5 : 0.5)) / 50).toFixed(2)).join(",");
      sight = { zoom, text };
      const told_ = await x.load("incidents/points", { ...ask, cell: cell.toPrecision(3), box: text });
      if (round !== asked) return;
      const most = told_.points.reduce((top, p) => Math.max(top, p[2]), 1);
      heat.setOptions({ max: heatMax(told_.points, most) });
      heat.setLatLngs(told_.points);
    }
    map.on("moveend", () => {
      if (!sight || x.saved) return;
      const [west, south, east, north] = sight.text.split(",").map(Number);
      const now = map.getBounds();
      if (Math.round(map.getZoom()) !== sight.zoom || now.getWest() < west || now.getEast() > east || now.getSouth() < south || now.getNorth() > north) points().catch(x.fail);
    });

    function heatMax(places, most) {
      // So that a month and three years both show their centres, not one red sheet.
      const cells = new Map();
      for (const [lat, lon, n] of places) {
        const name = `${Math.round(lat * 1200)},${Math.round(lon * 1000)}`;
        cells.set(name, (cells.get(name) || 0) + n);
      }
      const ordered = [...cells.values()].sort((a, b) => a - b);
      return Math.max(3, most * 0.5, (ordered[Math.floor(ordered.length * 0.99)] || 1) * 2.2);
    }

    function paint() {
      if (show.value === "density") {
        const codes = level.value === "grid" ? grids.codes : known.filter((a) => a.level === level.value).map((a) => a.code);
        const rates = codes.map((code) => rate(code, measure.value));
        cuts = x.quantileBreaks(rates.filter((v) => v > 0), 5);
        const counts = Array(cuts.length + 1).fill(0);
        rates.forEach((v) => { if (v != null) counts[x.classOf(v, cuts)]++; });
        colourOf = (code) => { const v = rate(code, measure.value); return v == null ? UNKNOWN : v > 0 ? RAMPS.density[x.classOf(v, cuts)] : null; };
        legend.replaceChildren(el("h2", {}, `${t.density} (${t[measure.value]})`), cuts.length ? x.legend(cuts, RAMPS.density, (v) => fine.format(v), counts) : el("p", {}, t.no_data));
        if (map.hasLayer(warmth)) legend.append(el("div", {}, el("div", { class: "ramp" }), el("div", { class: "ends" }, el("span", {}, t.low), el("span", {}, t.heat), el("span", {}, t.high))));
      } else {
        const colours = show.value === "change" ? RAMPS.change : CLASSES[show.value];
        const one = (code) => (found && found.grids ? found.grids[code] : null);
        colourOf = (code) => { const c = one(code); return c && c.class !== "none" ? colours[c.class] || null : null; };
        const counts = {};
        Object.values((found && found.grids) || {}).forEach((c) => { counts[c.class] = (counts[c.class] || 0) + 1; });
        const rows = Object.entries(colours).filter(([name]) => name !== "none" && (counts[name] || show.value !== "emerging"));
        legend.replaceChildren(el("h2", {}, t[`show_${show.value}`]), el("ul", { class: "legend" }, ...rows.map(([name, colour]) => x.swatch(colour, t[`class_of_${name}`], counts[name] || 0))),
          el("p", { class: "hint" }, t[`hint_${show.value}`]));
      }
      byGrid.restyle();
      byArea.restyle();
    }

    async function ranked() {
      const mine = asked;
      let rows;
      if (show.value === "density") {
        const codes = level.value === "grid" ? Object.keys(counted) : known.filter((a) => a.level === level.value).map((a) => a.code);
        rows = codes.map((code) => [code, rate(code, measure.value)]).filter(([, v]) => v > 0).sort((p, q) => q[1] - p[1]).map(([code, v]) => [code, fine.format(v)]);
      } else if (show.value === "change") {
        rows = Object.entries((found && found.grids) || {}).filter(([, c]) => c.class !== "none").sort((p, q) => p[1].q - q[1].q).map(([code, c]) => [code, `${whole.format(c.before)} → ${whole.format(c.now)}`]);
      } else {
        const order = Object.keys(CLASSES[show.value]);
        rows = Object.entries((found && found.grids) || {}).sort((p, q) => order.indexOf(p[1].class) - order.indexOf(q[1].class) || (q[1].gi || 0) - (p[1].gi || 0)).map(([code, c]) => [code, t[`class_of_${c.class}`]]);
      }
      rows = rows.slice(0, TOP);
      const names = rows.length ? await x.load("names", { code: rows.map(([code]) => code) }) : {};
      if (mine !== asked) return;
      listTitle.textContent = show.value === "density" ? t.top_areas : t.top_grids;
      list.replaceChildren(...rows.map(([code, text], k) => {
        const [zh, en] = names[code] || [code, null];
        return el("li", {}, el("button", { type: "button", onclick: () => fly(code) }, el("span", { class: "rank" }, String(k + 1)), el("span", {}, (!x.zh && en) || zh), el("span", { class: "amount" }, text)));
      }));
      if (!rows.length) list.append(el("li", { class: "none" }, t.nothing_here));
    }

    async function fly(code) {
      const area_ = known.find((a) => a.code === code);
      const box = area_ ? area_.box : (await x.load(`grids/${encodeURIComponent(code)}/card`)).box;
      map.flyToBounds([[box[1], box[0]], [box[3], box[2]]], { maxZoom: 17, padding: [40, 40], duration: 0.6 });
    }

    // Trend, lines by category, hours of the week.
    let drawn = "";
    async function beside(asks, all, mine) {
      const [series, byHour] = await Promise.all([x.load("incidents/series", all), x.load("incidents/hours", asks)]);
      if (mine !== asked) return;
      const now = JSON.stringify(all);
      if (now !== drawn) {
        drawn = now;
        const place = new Map(steps.map((name, k) => [name, k]));
        const total = Array(steps.length).fill(0);
        const roots = new Map();
        for (const row of series.counts) {
          const k = place.get(key(parse(row.start), step.value));
          if (k == null) continue;
          total[k] += row.count;
          if (!roots.has(row.category)) roots.set(row.category, Array(steps.length).fill(0));
          roots.get(row.category)[k] += row.count;
        }
        const labels = steps.map((_, k) => stepName(k));
        trend = chart(labels, [{ label: t.count, values: total, bars: steps.length < 200, colour: "#12355b" }], { height: 96, format: whole, band: window_(), onpick: (k) => { at = k; update(); } });
        trends.replaceChildren(trend);
        const most = [...roots].map(([name, values]) => [name, values, values.reduce((a, b) => a + b, 0)]).sort((p, q) => q[2] - p[2]).slice(0, 5);
        lines.replaceChildren(el("h2", {}, t.by_category));
        if (most.length) lines.append(chart(labels, most.map(([name, values]) => ({ label: categoryName(name), values })), { height: 150, format: whole }));
      }
      hours.replaceChildren(el("h2", {}, t.hours_title), week(byHour.hours, t, whole, ["#fff3d9", "#fdd49e", "#fdbb84", "#fc8d59", "#e34a33", "#b30000"]));
      if (byHour.untimed) hours.append(el("p", { class: "hint" }, t.untimed.replace("{n}", whole.format(byHour.untimed))));
      document.body.dataset.beside = String(Number(document.body.dataset.beside || 0) + 1);
    }

    const categoryName = (path) => path.split("/").map((part, k, all) => t[`category_${all.slice(0, k + 1).join("/")}`] || t[`category_${part}`] || part).pop();

    // A tree: a box ticked stands for all beneath it.
    function drawTree() {
      const all = categories;
      const chosen = chosenCategories();
      const has = (path) => chosen == null || chosen.some((c) => path === c || path.startsWith(`${c}/`));
      const some = (path) => chosen != null && chosen.some((c) => c.startsWith(`${path}/`));
      const kids = (parent) => all.filter((c) => (parent ? c.path.startsWith(`${parent}/`) && c.path.split("/").length === parent.split("/").length + 1 : !c.path.includes("/"))).sort((p, q) => q.count - p.count);
      function branch(parent) {
        return el("ul", {}, ...kids(parent).map(({ path, count }) => {
          const box = el("input", { type: "checkbox", value: path });
          box.checked = has(path);
          box.indeterminate = !has(path) && some(path);
          box.addEventListener("change", () => pickCategory(path, box.checked));
          const label = el("label", {}, box, el("span", {}, categoryName(path)), el("span", { class: "number" }, whole.format(count)));
          const beneath = kids(path);
          if (!beneath.length) return el("li", {}, label);
          const open = el("details", { open: some(path) }, el("summary", { "aria-label": `${categoryName(path)}: ${t.sub_categories}` }), branch(path));
          return el("li", { class: "parent" }, label, open);
        }));
      }
      const count = chosen == null ? t.all_categories_on : t.categories_on.replace("{n}", String(chosen.length));
      tree.replaceChildren(el("summary", {}, t.categories, " ", el("small", {}, count)), el("p", { class: "row" }, el("button", { type: "button", onclick: () => setCategories(null) }, t.choose_all), el("button", { type: "button", onclick: () => setCategories([]) }, t.choose_none)), branch(""));
    }

    function leaves(path) {
      const under = categories.filter((c) => c.path.startsWith(`${path}/`));
      const children = under.filter((c) => c.path.split("/").length === path.split("/").length + 1);
      return children.length ? children.map((c) => c.path) : [];
    }

    function pickCategory(path, on) {
      let chosen = chosenCategories();
      if (chosen == null) chosen = categories.filter((c) => !c.path.includes("/")).map((c) => c.path);
      if (on) chosen = [...chosen.filter((c) => !c.startsWith(`${path}/`)), path];
      else {
        // Out of one that is ticked as a whole all others beneath it stay.
        for (;;) {
          const above = chosen.find((c) => path.startsWith(`${c}/`));
          if (!above) break;
          chosen = [...chosen.filter((c) => c !== above), ...leaves(above)];
        }
        chosen = chosen.filter((c) => c !== path && !c.startsWith(`${path}/`));
      }
      const roots = categories.filter((c) => !c.path.includes("/")).map((c) => c.path);
      setCategories(roots.every((r) => chosen.includes(r)) ? null : chosen);
    }

    function setCategories(chosen) {
      // An empty choice stands in the address too.
      where.set("category", chosen == null ? null : chosen.length ? chosen.join(",") : ",");
      const open = tree.open;
      drawTree();
      tree.open = open;
      update();
    }

    function stop() {
      clearInterval(timer);
      timer = null;
      play.textContent = `▶ ${t.play}`;
      play.setAttribute("aria-pressed", "false");
    }
    function toggle() {
      if (timer) return stop();
      play.textContent = `❚❚ ${t.pause}`;
      play.setAttribute("aria-pressed", "true");
      timer = setInterval(() => { at = (at + 1) % steps.length; update(); }, 1100);
      return undefined;
    }

    x.describe = () => [t[`show_${show.value}`], told.textContent, chosenCategories() == null ? "" : chosenCategories().map(categoryName).join(", "), [...area.box.querySelectorAll("select")].filter((one) => one.value).map((one) => one.selectedOptions[0].textContent).join(" › ")].filter(Boolean).join(" · ");
    x.prefetch = ["grids", "areas"];

    async function open() {
      standing = x.leads(level.value === "grid" ? byGrid : byArea);
      // The counts are asked for before the tiles.
      const first = update();
      x.overlay(shading, t.density, true);
      await first;
      categories = (await x.load("incidents/categories")).categories;
      drawTree();
      x.ready();
      if (x.wall) toggle();
      global.gridcover.live(config.api, {
        incident: (heard) => x.pulse(heard, t["category_" + heard.category] || categoryName(heard.category || "other")),
      });
    }
    if (period) {
      restep();
      open().catch(x.fail);
    } else {
      draw();
      x.outlines(t.no_incidents_title, ["incidents"]).catch(x.fail);
    }
  }

  global.gridcover.pages.incidents = incidents;
})(window);
