/* The board of the three levels: targets, ranking, appeals, unevenness, registers, service. */
(function (global) {
  "use strict";

  const { el, findingName, load, notice, numbers } = global.gridcover;
  const LEVELS = ["district", "subdistrict", "community", "grid"];
  const CARDS = [
    ["networked", "cameras", "target", "not networked"], ["working", "cameras", "target", "not in working order"],
    ["key_places", "key-places", "target", "covered too little"], ["key_places_seen"], ["open_covered"],
    ["appeals_in_time"], ["appeals_satisfaction"], ["headed", "grids", "complete", "no head"],
  ];
  const COLUMNS = ["networked", "working", "key_places", "open_covered", "appeals_in_time", "appeals_satisfaction", "headed", "quality/cameras"];
  const REGISTERS = ["cameras", "grids", "key-places", "incidents", "buildings"];
  const ASPECTS = ["complete", "plausible", "up_to_date", "in_place"];

  function board(config) {
    const t = config.t;
    const zh = config.language === "zh";
    const { whole, fine, percent } = numbers(config.language);
    const root = document.getElementById("board");
    const named = (row) => (!zh && row.name_en) || row.name || row.code || t.no_area;
    // Levels that this deployment has, the grids always among them.
    const levels = LEVELS.filter((level) => !config.levels || config.levels.includes(level));
    const usual = ["subdistrict", "community", "district", "grid"].find((level) => levels.includes(level)) || "grid";
    const state = read();
    let charts = [];

    function read() {
      const parts = new URLSearchParams(location.search);
      const level = levels.includes(parts.get("level")) ? parts.get("level") : usual;
      return { area: parts.get("area"), level, by: parts.get("by") || "open_covered", up: parts.get("up") === "1" };
    }

    function write() {
      const parts = new URLSearchParams({ lang: config.language, level: state.level, by: state.by });
      if (document.body.classList.contains("on-wall")) parts.set("wall", "1");
      if (state.area) parts.set("area", state.area);
      if (state.up) parts.set("up", "1");
      history.replaceState(null, "", `${location.pathname}?${parts}`);
      document.querySelectorAll("nav a.language").forEach((a) => {
        const there = new URLSearchParams(parts);
        there.set("lang", zh ? "en" : "zh");
        a.href = `/board?${there}`;
      });
    }

    const words = (figure) => t[`fig_${figure.replace("/", "_")}`] || figure;
    const findingsAt = (filter) => `/maps/registers?${new URLSearchParams({ lang: config.language, ...filter, ...(state.area ? { area: state.area } : {}) })}`;

    // The map that shows a figure of an area: shading, findings, or appeals.
    function mapOf(name, code, grid) {
      const area = code || state.area;
      const place = area ? `#${grid ? "grid" : "area"}=${encodeURIComponent(area)}` : "";
      const lang = new URLSearchParams({ lang: config.language });
      if (["open_covered", "key_places_seen"].includes(name)) return `/maps/coverage?${lang}${place}`;
      if (name.startsWith("appeals") || name === "incidents_per_km2") return `/maps/incidents?${lang}${area ? `#area=${encodeURIComponent(area)}` : ""}`;
      const found = CARDS.find(([figure]) => figure === name);
      const filter = name.startsWith("quality/") ? { layer: name.split("/")[1] } : found && found[1] ? { layer: found[1], aspect: found[2], finding: found[3] } : null;
      return filter ? `/maps/registers?${new URLSearchParams({ lang: config.language, ...filter, ...(area ? { area } : {}) })}` : null;
    }

    function shareOf(figures, name) {
      if (name === "incidents_per_km2") {
        const [n, area] = [figures.incidents, figures.area_m2];
        return n && area && area.part > 0 ? (n.part / area.part) * 1e6 : null;
      }
      const found = figures[name];
      return found ? found.share : null;
    }

    function bar(figure) {
      const kind = figure.met == null ? "" : figure.met ? " met" : " short";
      const fill = el("i", {});
      fill.style.width = `${Math.max(0, Math.min(1, figure.share || 0)) * 100}%`;
      const node = el("div", { class: `bar${kind}` }, fill);
      if (figure.goal != null) {
        const tick = el("b", {});
        tick.style.left = `calc(${figure.goal * 100}% - 1px)`;
        node.append(tick);
      }
      return node;
    }

    function card([name, layer, aspect, finding], figures, data) {
      const figure = figures[name];
      const node = el("section", { class: "tile" }, el("h2", {}, words(name)));
      if (!figure || figure.share == null) {
        node.append(el("strong", {}, "–"), el("p", {}, t.no_data));
        return node;
      }
      if (figure.met != null) node.classList.add(figure.met ? "met" : "short");
      node.append(el("strong", {}, percent.format(figure.share)));
      if (figure.goal != null) node.append(el("span", { class: "goal" }, `${t.goal} ${percent.format(figure.goal)}`));
      node.append(bar(figure));
      const short = Math.round(figure.whole - figure.part);
      if (layer && figure.goal != null) {
        node.append(el("p", {}, short > 0 ? el("a", { href: findingsAt({ layer, aspect, finding }) }, `${t.missing} ${whole.format(short)}`) : t.met,
          ` / ${whole.format(figure.whole)}`));
      } else if (name.startsWith("appeals")) {
        node.append(el("p", {}, t.last_months));
      }
      for (const [end, label] of [["public", t.of_public], ["industry", t.of_industry]]) {
        const part = figures[`${name}/${end}`];
        if (part && part.share != null) node.append(el("p", {}, `${label} ${percent.format(part.share)}`));
      }
      const peersOf = data.areas.filter((row) => row.code).map((row) => [named(row), shareOf(row.figures, name)]).filter(([, v]) => v != null).sort((p, q) => q[1] - p[1]);
      if (peersOf.length > 1) {
        const spark = el("div", { class: "spark", role: "img", "aria-label": `${words(name)}: ${peersOf.slice(0, 30).map(([who, v]) => `${who} ${percent.format(v)}`).join(", ")}` });
        node.append(spark);
        sparks.push([spark, peersOf, figure.goal]);
      }
      node.append(el("p", { class: "run" }, el("a", { href: mapOf(name), "aria-label": `${words(name)}: ${t.on_map}` }, t.on_map), " · ", el("a", { href: `/runs/${config.run}?lang=${config.language}`, "aria-label": `${words(name)}: ${t.run} ${config.run}` }, `${t.run} ${config.run}`)));
      return node;
    }

    // One bar a peer, best first; the goal as a line.
    let sparks = [];
    function drawSparks() {
      for (const [place, rows, goal] of sparks) {
        const steps = rows.map((_, k) => k);
        charts.push(new global.uPlot({
          width: Math.max(60, place.clientWidth), height: 40, padding: [2, 0, 0, 0], legend: { show: false }, cursor: { show: false },
          scales: { x: { time: false, range: [-0.6, rows.length - 0.4] }, y: { range: [0, 1] } }, axes: [{ show: false }, { show: false }],
          series: [{}, { stroke: "#8aa6bf", fill: "#8aa6bf", width: 0, paths: global.uPlot.paths.bars({ size: [0.8, 26] }), points: { show: false } }, { stroke: "#1c2733", width: 1, points: { show: false } }],
        }, [steps, rows.map(([, v]) => v), steps.map(() => goal ?? null)], place));
      }
    }

    // How far a figure is from being the same everywhere, as Lorenz drew it.
    function lorenz(data) {
      const values = data.areas.filter((row) => row.code).map((row) => shareOf(row.figures, state.by)).filter((v) => v != null && v >= 0).sort((p, q) => p - q);
      const sum = values.reduce((p, q) => p + q, 0);
      if (values.length < 2 || !sum) return null;
      const x = [0, ...values.map((_, k) => (k + 1) / values.length)];
      let part = 0;
      const curve = [0, ...values.map((v) => { part += v; return part / sum; })];
      const node = el("div", { class: "chart" }, el("h3", {}, `${t.lorenz}: ${words(state.by)}${data.gini[state.by] == null ? "" : ` · ${t.unevenness_short} ${fine.format(data.gini[state.by])}`}`));
      const place = el("div", {});
      node.append(place);
      const draw = () => {
        const axis = { font: "11px system-ui, sans-serif", stroke: "#54616e", grid: { stroke: "#e6ebf0", width: 1 } };
        const shares = (u, ticks) => ticks.map((v) => percent.format(v));
        charts.push(new global.uPlot({
          width: Math.max(220, node.clientWidth), height: 168, cursor: { drag: { x: false, y: false } }, scales: { x: { time: false, range: [0, 1] }, y: { range: [0, 1] } },
          axes: [{ ...axis, values: shares }, { ...axis, size: 54, values: shares }],
          series: [{ label: t.lorenz_areas, value: (u, v) => (v == null ? "–" : percent.format(v)) }, { label: t.lorenz_figure, stroke: "#b3470a", width: 2, fill: "#b3470a22", points: { show: false }, value: (u, v) => (v == null ? "–" : percent.format(v)) },
            { label: t.lorenz_even, stroke: "#8aa6bf", width: 1, dash: [4, 3], points: { show: false }, value: (u, v) => (v == null ? "–" : percent.format(v)) }],
        }, [x, curve, x], place));
      };
      return { node, draw };
    }

    function headline(data) {
      const title = el("h1", {});
      const crumbs = [{ code: null, label: t.whole }, ...data.path.map((p) => ({ code: p.code, label: named(p), level: p.level }))];
      crumbs.forEach((crumb, k) => {
        if (k) title.append(" › ");
        if (k === crumbs.length - 1) title.append(crumb.label);
        else title.append(el("button", { type: "button", onclick: () => go(crumb.code, below(crumb.level)) }, crumb.label));
      });
      const tabs = el("div", { class: "tabs", role: "group", "aria-label": t.level });
      const own = data.path.length ? LEVELS.indexOf(data.path[data.path.length - 1].level) : -1;
      LEVELS.forEach((level, k) => {
        if (k <= own || !levels.includes(level)) return;
        tabs.append(el("button", { type: "button", "aria-pressed": String(level === state.level), onclick: () => go(state.area, level) }, t[`level_${level}`]));
      });
      return el("div", { class: "headline" }, title, tabs);
    }

    const below = (level) => levels.find((other) => LEVELS.indexOf(other) > LEVELS.indexOf(level)) || "grid";
    const told = (figures, name) => figures[name] && figures[name].share != null;

    function go(area, level) {
      state.area = area;
      state.level = level;
      update();
    }

    function peers(data) {
      const columns = [...COLUMNS, "incidents_per_km2"].filter((name) => (name !== "incidents_per_km2" || (data.area.figures.incidents && data.area.figures.incidents.part)) && data.areas.some((row) => row.code && shareOf(row.figures, name) != null));
      if (!columns.length) return null;
      if (!columns.includes(state.by)) state.by = columns[0];
      const rows = data.areas.filter((row) => row.code).map((row) => ({ ...row, value: shareOf(row.figures, state.by) }));
      const down = state.by === "incidents_per_km2" ? 1 : -1;
      const known = rows.filter((row) => row.value != null).sort((a, b) => down * (a.value - b.value));
      known.forEach((row) => { row.rank = known.filter((other) => down * (other.value - row.value) < 0).length + 1; });
      const order = [...(state.up ? known.slice().reverse() : known), ...rows.filter((row) => row.value == null)];
      const head = el("tr", {}, el("th", { scope: "col" }, el("button", { type: "button", onclick: () => { state.up = !state.up; show(data); } }, t.rank)), el("th", { scope: "col" }, el("button", { type: "button" }, t.area_name)));
      for (const name of columns) {
        const sort = name === state.by ? (state.up === (down < 0) ? "ascending" : "descending") : null;
        head.append(el("th", { scope: "col", "aria-sort": sort }, el("button", { type: "button", onclick: () => {
          if (state.by === name) state.up = !state.up; else { state.by = name; state.up = false; }
          show(data);
        } }, words(name))));
      }
      const body = el("tbody", {});
      for (const row of order) {
        const deeper = state.level !== "grid";
        const title = deeper ? el("button", { type: "button", title: t.to_peers, onclick: () => go(row.code, below(state.level)) }, named(row)) : named(row);
        const line = el("tr", {}, el("td", {}, row.rank == null ? "–" : String(row.rank)), el("td", {}, title));
        for (const name of columns) {
          const value = shareOf(row.figures, name);
          const figure = row.figures[name];
          const text = value == null ? "–" : name === "incidents_per_km2" ? fine.format(value) : percent.format(value);
          const href = value == null ? null : mapOf(name, row.code, state.level === "grid");
          const cell = el("td", { class: figure && figure.met === false ? "low" : null }, href ? el("a", { href, title: t.on_map }, text) : text);
          if (value != null && name !== "incidents_per_km2") cell.append(bar(figure));
          line.append(cell);
        }
        body.append(line);
      }
      const foot = el("tr", {}, el("td", {}), el("td", {}, t.unevenness_short));
      for (const name of columns) {
        const value = data.gini[name];
        foot.append(el("td", { title: t.unevenness }, value == null ? "–" : fine.format(value)));
      }
      const table = el("table", { class: "peers" }, el("thead", {}, head), body, el("tfoot", {}, foot));
      const query = new URLSearchParams({ level: state.level, ...(state.area ? { area: state.area } : {}) });
      return el("section", { class: "pane" },
        el("h2", {}, `${t.peers} · ${t[`level_${state.level}`]}`, el("small", {}, t.peers_hint), el("a", { href: `${config.api}/board/table?${query}`, download: "" }, t.as_table)),
        el("div", { class: "scroll", tabindex: "0" }, table));
    }

    function quality(data) {
      const table = el("table", { class: "matrix" });
      const head = el("tr", {}, el("th", { scope: "col" }, t.register), el("th", { scope: "col" }, t.rows));
      for (const aspect of ASPECTS) head.append(el("th", { scope: "col" }, t[`aspect_${aspect}`]));
      table.append(el("thead", {}, head));
      const body = el("tbody", {});
      for (const layer of REGISTERS) {
        const all = data.area.figures[`quality/${layer}`];
        if (!all) continue;
        const line = el("tr", {}, el("th", { scope: "row" }, el("a", { href: findingsAt({ layer }) }, t[`layer_${layer}`])), el("td", {}, whole.format(all.whole)));
        for (const aspect of ASPECTS) {
          const figure = data.area.figures[`quality/${layer}/${aspect}`];
          const cell = el("td", {});
          if (figure && figure.share != null) {
            const text = percent.format(Math.floor(figure.share * 1000) / 1000);
            cell.append(figure.part < figure.whole ? el("a", { href: findingsAt({ layer, aspect }) }, text) : text);
            cell.style.background = figure.share >= 1 ? "" : `color-mix(in srgb, #f3b27a ${Math.min(70, 8 + (1 - figure.share) * 160)}%, white)`;
          } else cell.append("–");
          line.append(cell);
        }
        body.append(line);
      }
      if (!body.children.length) return null;
      table.append(body);
      return el("section", { class: "pane" }, el("h2", {}, t.quality_title, el("small", {}, t.quality_hint)), table);
    }

    function todo(counts) {
      const table = new URLSearchParams(state.area ? { area: state.area } : {});
      const list = el("ul", { class: "list" });
      // Grids and key places have no owner but themselves: their rows are one line a finding.
      const tasks = new Map();
      for (const row of counts) {
        const owned = row.layer === "cameras" || row.layer === "incidents";
        const key = JSON.stringify([row.layer, row.aspect, row.finding, owned ? row.owner : null]);
        tasks.set(key, (tasks.get(key) || 0) + row.rows);
      }
      for (const [key, rows] of [...tasks].sort((p, q) => q[1] - p[1]).slice(0, 60)) {
        const [layer, aspect, finding, owner] = JSON.parse(key);
        const filter = { layer, aspect, finding, ...(owner ? { owner } : {}) };
        list.append(el("li", {}, el("span", {}, el("a", { href: findingsAt(filter) }, findingName(t, finding)), " ",
          el("small", {}, owner == null ? t[`layer_${layer}`] : owner || t.no_owner)), el("span", { class: "amount" }, whole.format(rows))));
      }
      if (!list.children.length) list.append(el("li", {}, t.nothing_found));
      return el("section", { class: "pane" }, el("h2", {}, t.todo, el("a", { href: `${config.api}/registers/table?${table}`, download: "" }, t.as_table)), list);
    }

    function lines(title, data, prefix, link) {
      const node = el("div", { class: "lines" });
      for (const [name, figure] of Object.entries(data.area.figures)) {
        if (!name.startsWith(prefix) || figure.share == null) continue;
        const kind = name.slice(prefix.length);
        node.append(el("a", { href: link(kind) }, t[`kind_${kind}`] || kind), bar(figure), el("span", { class: "amount" }, percent.format(figure.share)));
      }
      return node.children.length ? [el("h2", {}, title), node] : [];
    }

    function service(data) {
      const pane = el("section", { class: "pane" });
      pane.append(...lines(t.service_title, data, "served/", (kind) => findingsAt({ layer: "grids", aspect: "service", finding: `no ${kind} within a walk` })));
      pane.append(...lines(t.places_title, data, "key_places/", (kind) => findingsAt({ layer: "key-places", aspect: "target", owner: kind })));
      return pane.children.length ? pane : null;
    }

    function alerts(rows) {
      const list = el("ul", { class: "list wide" });
      for (const row of rows.slice(0, 30)) {
        const category = row.category ? t[`category_${row.category}`] || row.category : t.all_incidents;
        const told = t.alert_line.replace(/\{since\}/g, row.since).replace("{observed}", fine.format(row.observed)).replace("{expected}", fine.format(row.expected));
        list.append(el("li", {}, el("span", {}, (!zh && row.grid_name_en) || row.grid_name || row.grid, " ", el("small", {}, told)), el("span", {}, category)));
      }
      if (!rows.length) list.append(el("li", {}, t.no_alerts));
      return el("section", { class: "pane" }, el("h2", {}, t.alerts_title, el("small", {}, whole.format(rows.length))), list);
    }

    function chart(title, x, series, time) {
      const node = el("div", { class: "chart" }, el("h3", {}, title));
      const place = el("div", {});
      node.append(place);
      const draw = () => {
        const axis = { font: "11px system-ui, sans-serif", stroke: "#54616e", grid: { stroke: "#e6ebf0", width: 1 } };
        const options = {
          width: Math.max(220, node.clientWidth), height: 168, cursor: { drag: { x: false, y: false } },
          scales: { x: { time: !!time, range: time ? undefined : (u, low, high) => [low - 0.6, high + 0.6] }, share: { range: [0, 1] }, y: { range: (u, low, high) => [0, (high || 1) * 1.08] } },
          series: [{ label: time ? t.month : t.year, value: (u, v) => (v == null ? "–" : time ? monthName(v) : String(v)) }, ...series.map((s) => ({
            label: s.label, stroke: s.stroke, scale: s.share ? "share" : "y", width: 2,
            paths: s.bars ? global.uPlot.paths.bars({ size: [0.62, 28] }) : undefined, fill: s.bars ? `${s.stroke}66` : undefined, points: { show: false },
            value: (u, v) => (v == null ? "–" : s.share ? percent.format(v) : whole.format(v)),
          }))],
          axes: [{ ...axis, space: time ? 56 : 30, values: time ? (u, ticks) => ticks.map(monthName) : (u, ticks) => ticks.map((v) => (Number.isInteger(v) ? String(v) : "")) },
            { ...axis, size: 54 }],
        };
        if (series.some((s) => s.share)) options.axes.push({ ...axis, scale: "share", side: 1, size: 44, grid: { show: false }, values: (u, ticks) => ticks.map((v) => percent.format(v)) });
        charts.push(new global.uPlot(options, [x, ...series.map((s) => s.values)], place));
      };
      return { node, draw };
    }

    function monthName(seconds) {
      const when = new Date(seconds * 1000);
      return `${when.getUTCFullYear()}-${String(when.getUTCMonth() + 1).padStart(2, "0")}`;
    }

    let last = null;
    let hints = null; // what would improve the figures, while something essential is missing

    function show(data) {
      write();
      charts.forEach((c) => c.destroy());
      charts = [];
      sparks = [];
      const [counts, open, trends] = data.more;
      const months = trends.appeals.map((row) => Date.parse(`${row.month}T00:00:00Z`) / 1000);
      const made = [];
      if (months.length) {
        made.push(chart(t.by_month, months, [
          { label: t.received, values: trends.appeals.map((r) => r.received), stroke: "#8aa6bf", bars: true },
          { label: t.in_time_share, values: trends.appeals.map((r) => r.in_time_share), stroke: "#b3470a", share: true }], true));
      }
      if (trends.years.length) {
        made.push(chart(t.by_year, trends.years.map((r) => r.year), [
          { label: t.in_service, values: trends.years.map((r) => r.in_service), stroke: "#8aa6bf", bars: true },
          { label: t.installed, values: trends.years.map((r) => r.installed), stroke: "#12355b" },
          { label: t.upgraded, values: trends.years.map((r) => r.upgraded), stroke: "#b3470a" },
          { label: t.retired, values: trends.years.map((r) => r.retired), stroke: "#6b7280" },
          { label: t.platforms, values: trends.years.map((r) => r.platforms), stroke: "#2b7a3f" }]));
      }
      const uneven = lorenz(data);
      if (uneven) made.push(uneven);
      // What there is nothing of takes no room.
      const filled = CARDS.filter(([name]) => told(data.area.figures, name));
      const cards = filled.length ? el("div", { class: "cards" }, ...filled.map((c) => card(c, data.area.figures, data))) : null;
      if (cards) cards.style.setProperty("--cards", String(Math.min(8, Math.max(4, filled.length))));
      const graphs = made.length ? el("section", { class: "pane" }, ...made.map((m) => m.node)) : null;
      const row = (kind, parts) => {
        const there = parts.filter(Boolean);
        return there.length ? el("div", { class: there.length > 1 ? kind : null }, ...there) : null;
      };
      root.replaceChildren(...[headline(data), cards, row("columns", [peers(data), graphs]), row("columns even", [quality(data), todo(counts), service(data)]),
        data.area.figures.incidents && data.area.figures.incidents.part ? alerts(open) : null, hints].filter(Boolean));
      made.forEach((m) => m.draw());
      drawSparks();
      document.title = `${t.product} · ${t.board}`;
      document.body.dataset.area = data.area.code;
      document.body.dataset.level = state.level;
      document.body.dataset.ready = "true";
    }

    let asked = 0;

    async function update() {
      const mine = ++asked;
      delete document.body.dataset.ready;
      try {
        const data = await load(config.api, "board", { level: state.level, area: state.area });
        const more = await Promise.all([load(config.api, "registers/counts", { area: state.area }), load(config.api, "alerts"), load(config.api, "board/trends", { area: state.area })]);
        if (mine !== asked) return;
        last = { ...data, more };
        show(last);
      } catch (error) {
        if (mine !== asked) return;
        notice(t.failed);
        document.body.dataset.ready = "true";
        throw error;
      }
    }

    let waiting = null;
    global.addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { if (last) show(last); }, 150);
    });
    if (new URLSearchParams(location.search).get("wall") === "1") document.body.classList.add("on-wall");
    // A refresh stores the coverage first: the figures of the board follow.
    if (config.pending) {
      root.append(el("section", { class: "pane" }, el("p", {}, t.board_pending)));
      document.body.dataset.ready = "true";
      setTimeout(() => location.reload(), 5_000);
      return;
    }
    if (config.run == null) {
      global.gridcover.nextSteps(config, t.no_results_title).then((steps) => {
        root.append(el("section", { class: "pane" }, steps));
        document.body.dataset.ready = "true";
      }).catch(() => notice(t.failed));
      return;
    }
    update();
    if (!document.body.classList.contains("on-wall")) {
      load(config.api, "setup-status").then(async (status) => {
        if (status.ready) return;
        hints = el("section", { class: "pane" }, await global.gridcover.nextSteps(config, t.setup));
        if (last) root.append(hints);
      }).catch(() => notice(t.failed));
    }
  }

  global.gridcover.board = board;
})(window);
