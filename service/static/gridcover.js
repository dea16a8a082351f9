/* The maps' own script: layers, legends, lists and the filter that lives in the address.
   Data reach the page as text nodes only, never as HTML. */
(function (global) {
  "use strict";

  // Viridis-like steps that differ in lightness: safe for colour-blind eyes and grey prints.
  const RAMPS = {
    share: ["#f7f4c4", "#b6dcb0", "#62b6a7", "#2f7fa3", "#27408b"],
    density: ["#fff3d9", "#fdd49e", "#fc8d59", "#d7301f", "#7f0000"],
    change: { rising: "#b2182b", falling: "#2166ac", none: "#f1f1ee" },
  };
  const UNKNOWN = "#d9d9d9";
  const { address, el, notice, numbers } = global.gridcover;

  function card(title, rows) {
    const table = el("table", { class: "card" }, el("caption", {}, title));
    for (const [name, value] of rows) {
      if (value == null || value === "") continue;
      table.append(el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, String(value))));
    }
    return table;
  }

  // Classes of as many values each, their breaks at the roundest numbers between two values.
  function quantileBreaks(values, count) {
    const known = values.filter((v) => v != null && isFinite(v)).sort((a, b) => a - b);
    const cuts = [];
    for (let k = 1; k < count; k++) {
      const at = Math.floor((k * known.length) / count);
      const first = known.indexOf(known[at]);
      if (first > 0) cuts.push(roundest(known[first - 1], known[at]));
    }
    return [...new Set(cuts)].sort((a, b) => a - b);
  }

  // The number of the fewest digits above one and up to another.
  function roundest(low, high) {
    const near = (low + high) / 2;
    for (let power = Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high)))) + 1; power > -12; power--) {
      for (const m of [5, 2, 1]) {
        const step = m * Math.pow(10, power);
        const found = Number((Math.round(near / step) * step).toPrecision(12));
        if (low < found && found <= high) return found;
      }
    }
    return high;
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
    const wall = new URLSearchParams(location.search).get("wall") === "1";
    const saved = global.gridcoverSaved || null;
    document.body.classList.add(`page-${config.page}`);
    document.body.classList.toggle("on-wall", wall);
    document.body.classList.toggle("saved", !!saved);
    const where = address();

    // The view stands before the first tile is asked for.
    const at = (where.get("at") || "").split(",").map(Number);
    const told = at.length === 3 && at.every(Number.isFinite);
    const district = L.latLngBounds(config.bounds);
    map.invalidateSize({ animate: false }); // the panel beside it has its width now
    if (told) map.setView([at[0], at[1]], at[2], { animate: false });
    else map.fitBounds(district, { padding: [12, 12], animate: false });

    L.control.zoom({ position: "topright", zoomInTitle: t.zoom_in, zoomOutTitle: t.zoom_out }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    map.attributionControl.addAttribution(t.own_data);
    for (const source of config.sources || []) map.attributionControl.addAttribution(el("span", {}, t.data_of.replace("{source}", source)).outerHTML);
    // The map alone feels the pointer, and asks each layer what is there.
    for (const [name, z] of [["base", 210], ["shade", 390], ["views", 395], ["spots", 410], ["points", 420], ["sight", 444], ["names", 450]]) {
      const pane = map.createPane(name);
      pane.style.zIndex = z;
      pane.style.pointerEvents = "none";
    }

    const baseFor = () => global.gridcover.tiles(`${config.tiles}/base/{z}/{x}/{y}.pbf`, {
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
    }, { pane: "base", rendererFactory: L.canvas.tile });
    const base = baseFor();

    const overlays = {};
    const control = L.control.layers(null, null, { position: "topright", collapsed: global.innerWidth < 900 });
    const names = L.layerGroup();
    // Shown now, later (once the page's own layer is drawn: what tells most comes first), or when asked for.
    const later = [];
    let drawn = Promise.resolve();
    function overlay(layer, name, shown) {
      control.addOverlay(layer, name);
      overlays[name] = layer;
      if (shown === "later") later.push(layer);
      else if (shown) layer.addTo(map);
      return layer;
    }
    function drawLater() {
      later.splice(0).forEach((layer) => layer.addTo(map));
    }
    // The layer that a page is opened for; lists, charts and other layers wait until it stands, or has had its time.
    function leads(layer) {
      drawn = new Promise((done) => { layer.once("load", done); setTimeout(done, 4000); });
      drawn.then(drawLater);
      return drawn;
    }
    overlay(base, t.basemap, "later");
    if (config.basemap.url) {
      const online = L.tileLayer(config.basemap.url, { attribution: "", maxZoom: 20, pane: "base" });
      overlay(online, t.online_basemap, true);
      if (config.basemap.attribution) {
        const line = el("span", {}, config.basemap.attribution);
        map.attributionControl.addAttribution(line.outerHTML);
      }
    }
    overlay(names, t.labels, true);

    const areas = load("areas");
    areas.then((found) => {
      const draw = () => {
        names.clearLayers();
        const zoom = map.getZoom();
        const seen = map.getBounds().pad(0.2);
        for (const area of found) {
          const show = area.level === "subdistrict" ? zoom < 16 : area.level === "community" && zoom >= 15;
          if (!show || !seen.contains([area.lat, area.lon])) continue;
          const label = el("span", { class: `place-name ${area.level}` }, named(area, "name"));
          const icon = L.divIcon({ className: "", html: label, iconSize: [0, 0] });
          L.marker([area.lat, area.lon], { icon, interactive: false, keyboard: false, pane: "names" }).addTo(names);
        }
      };
      map.on("moveend", draw);
      draw();
      if (!told) focus(found, where.get("area"));
    }).catch(fail);
    map.on("moveend", () => {
      const now = map.getCenter();
      where.set("at", `${now.lat.toFixed(5)},${now.lng.toFixed(5)},${map.getZoom()}`);
    });

    // An area that the address or a filter names fills the map; none, the whole district.
    function focus(areas, code) {
      const found = areas.find((a) => a.code === code);
      if (!found && !code) return;
      const box = found && [[found.box[1], found.box[0]], [found.box[3], found.box[2]]];
      map.fitBounds(box || district, { padding: [24, 24], animate: false });
    }

    function fail(error) {
      notice(t.failed);
      throw error;
    }

    function swatch(colour, text, number, kind) {
      const mark = el("span", { class: kind || "swatch" });
      mark.style.background = colour;
      return el("li", {}, mark, el("span", {}, text), number == null ? null : el("span", { class: "number" }, whole.format(number)));
    }

    function legend(cuts, colours, format, counts, only) {
      const list = el("ul", { class: "legend" });
      if (!cuts.length) {
        // All figures are the same: one class, named by them.
        if (counts.length && only != null) list.append(swatch(colours[0], format(only), counts[0]));
        return list;
      }
      for (let k = 0; k <= cuts.length; k++) {
        const text = k === 0 ? `< ${format(cuts[0])}` : k === cuts.length ? `≥ ${format(cuts[k - 1])}` : `${format(cuts[k - 1])} – ${format(cuts[k])}`;
        list.append(swatch(colours[k], text, counts[k] || 0));
      }
      return list;
    }

    // Choices of one kind: a label and a list; what is chosen stands in the address.
    function pick(key, label, options, changed) {
      const id = `pick-${key}`;
      const chosen = options.some(([value]) => value === where.get(key)) ? where.get(key) : options[0][0];
      const select = el("select", { id, onchange: () => { where.set(key, select.value === options[0][0] ? null : select.value); changed(select.value); } });
      for (const [value, text] of options) select.append(el("option", { value, selected: value === chosen }, text));
      const row = el("div", { class: "row" }, el("label", { for: id }, label), select);
      return { row, select, get value() { return select.value; } };
    }

    // The hierarchy, one list a level; told of the code that is chosen, "" for all.
    function areaFilter(changed) {
      const box = el("div", { class: "areas" });
      const levels = ["subdistrict", "community"];
      const selects = levels.map((level) => el("select", { id: `area-${level}`, "aria-label": t[level] }));
      levels.forEach((level, k) => {
        selects[k].addEventListener("change", () => choose(selects[k].value || (k ? selects[0].value : "")));
        box.append(el("div", { class: "row" }, el("label", { for: `area-${level}` }, t[level]), selects[k]));
      });
      let known = [];
      function fill(code) {
        const chosen = known.find((a) => a.code === code);
        const top = !chosen ? "" : chosen.level === "community" ? chosen.parent : chosen.level === "subdistrict" ? chosen.code : "";
        const options = [known.filter((a) => a.level === "subdistrict"), known.filter((a) => a.level === "community" && (!top || a.parent === top))];
        const values = [top, chosen && chosen.level === "community" ? code : ""];
        selects.forEach((select, k) => {
          select.replaceChildren(el("option", { value: "" }, t.whole), ...options[k].map((a) => el("option", { value: a.code }, named(a, "name"))));
          select.value = values[k];
          // Where a level has no areas there is nothing to choose.
          select.parentNode.hidden = !known.some((a) => a.level === levels[k]);
        });
      }
      function choose(code) {
        where.set("area", code || null);
        fill(code);
        focus(known, code);
        changed(code || "");
      }
      areas.then((found) => {
        known = found;
        fill(where.get("area") || "");
      }).catch(fail);
      return { box, choose, beneath };
    }

    // The communities beneath an area, itself among them; null for all.
    function beneath(found, code) {
      if (!code) return null;
      const inside = new Set([code]);
      for (let grown = true; grown;) {
        grown = false;
        for (const a of found) if (a.parent && inside.has(a.parent) && !inside.has(a.code)) { inside.add(a.code); grown = true; }
      }
      return inside;
    }

    // Names, codes and device numbers; a hit is flown to.
    function searchBox(open) {
      const input = el("input", { type: "search", id: "search", placeholder: t.search_hint, "aria-label": t.search, autocomplete: "off", maxlength: 100, role: "combobox", "aria-expanded": "false", "aria-controls": "search-hits" });
      const hits = el("ul", { class: "hits", id: "search-hits", role: "listbox", "aria-label": t.search, hidden: true });
      let asked = 0;
      let timer = null;
      const close = () => { hits.hidden = true; input.setAttribute("aria-expanded", "false"); };
      async function ask() {
        const words = input.value.trim();
        const mine = ++asked;
        if (!words) return close();
        const found = await load("search", { q: words });
        if (mine !== asked) return undefined;
        hits.replaceChildren(...(found.length ? found.map((hit) => el("li", { role: "option" }, el("button", { type: "button", onclick: () => go(hit) },
          el("span", {}, named(hit, "name") || hit.code), el("small", {}, [t[`hit_${hit.kind}`], hit.code, hit.within].filter(Boolean).join(" · "))))) : [el("li", { class: "none" }, t.search_none)]));
        hits.hidden = false;
        input.setAttribute("aria-expanded", "true");
        return undefined;
      }
      function go(hit) {
        close();
        input.value = named(hit, "name") || hit.code;
        const [west, south, east, north] = hit.box;
        map.fitBounds([[south, west], [north, east]], { maxZoom: hit.kind === "camera" ? 18 : 17, padding: [40, 40], animate: false });
        open(hit);
      }
      input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => ask().catch(fail), 200); });
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") { event.preventDefault(); const first = hits.querySelector("button"); if (first && !hits.hidden) first.click(); else ask().catch(fail); }
        if (event.key === "Escape") close();
        if (event.key === "ArrowDown" && !hits.hidden) { event.preventDefault(); const first = hits.querySelector("button"); if (first) first.focus(); }
      });
      return el("div", { class: "search" }, input, hits);
    }

    // What lies under the pointer, the first layer that has something there first.
    function pointing(layers, tell, open) {
      const tip = L.tooltip({ direction: "top", offset: [0, -6], opacity: 0.95 });
      let waiting = null;
      const look = (event) => {
        for (const [kind, layer] of layers) {
          const found = map.hasLayer(layer) && layer.pick(event.latlng, 3);
          if (found) return [kind, found];
        }
        return null;
      };
      map.on("mousemove", (event) => {
        if (waiting) { waiting = event; return; }
        waiting = event;
        requestAnimationFrame(() => {
          const now = waiting;
          waiting = null;
          if (map._animatingZoom || map.dragging.moving()) return;
          const found = look(now);
          map.getContainer().classList.toggle("over", !!found);
          const words = found && tell(...found);
          if (!words) { map.closeTooltip(tip); return; }
          tip.setLatLng(now.latlng).setContent(words);
          if (!map.hasLayer(tip)) map.openTooltip(tip);
        });
      });
      map.on("mouseout movestart", () => map.closeTooltip(tip));
      map.on("click", (event) => {
        if (event.taken || map.getContainer().classList.contains("placing")) return;
        const found = look(event);
        if (found) open(...found, event.latlng);
      });
    }

    // A card in place of the panel's contents, with a way back.
    const drawer = el("section", { id: "drawer", hidden: true, "aria-live": "polite" });
    content.after(drawer);
    function showCard(key, ...nodes) {
      drawer.replaceChildren(el("button", { type: "button", class: "back", onclick: () => hideCard() }, `‹ ${t.back}`), ...nodes);
      drawer.hidden = false;
      content.hidden = true;
      drawer.scrollTop = 0;
      document.body.dataset.card = key;
    }
    function hideCard() {
      drawer.hidden = true;
      content.hidden = false;
      delete document.body.dataset.card;
      where.set("grid", null);
      if (shared.closed) shared.closed();
    }
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !drawer.hidden) hideCard(); });

    // Something that happens now: a ring that spreads for a while, and a few words.
    function pulse(told, words) {
      if (told.lat == null) return;
      const mark = L.marker([told.lat, told.lon], {
        icon: L.divIcon({ className: "pulse", iconSize: [22, 22] }), keyboard: false, alt: words, title: words,
      }).addTo(map);
      document.body.dataset.pulses = String(Number(document.body.dataset.pulses || 0) + 1);
      setTimeout(() => mark.remove(), 30000);
    }

    async function ready() {
      await drawn;
      drawLater();
      if (!control.getContainer()) control.addTo(map);
      document.body.dataset.ready = "true";
    }

    // Files of layers: all that one may see, what the filter leaves, or what of it lies on the map now.
    function downloads(layers, filter) {
      const what = el("select", { id: "download-what" }, ...["filtered", "box", "all"].map((name) => el("option", { value: name }, t[`download_${name}`])));
      const box = el("details", { class: "downloads" }, el("summary", {}, t.download), el("div", { class: "row" }, el("label", { for: "download-what" }, t.download_what), what));
      function address_(layer, form) {
        const parts = new URLSearchParams();
        if (what.value !== "all") {
          for (const [key, value] of Object.entries(filter(layer))) for (const one of [value].flat()) if (one != null) parts.append(key, one);
        }
        if (what.value === "box") {
          const seen = map.getBounds();
          parts.set("box", [Math.max(-180, seen.getWest()), Math.max(-90, seen.getSouth()), Math.min(180, seen.getEast()), Math.min(90, seen.getNorth())].map((v) => v.toFixed(6)).join(","));
        }
        return `${config.api}/export/${layer}.${form}?${parts}`;
      }
      for (const [layer, name] of layers) {
        const line = el("p", {}, `${name}: `);
        for (const form of ["gpkg", "geojson", "csv", "xlsx"]) {
          // The address is of the moment it is asked for.
          const link = el("a", { href: address_(layer, form), download: "", onclick: () => { link.href = address_(layer, form); } }, form);
          line.append(link, " ");
        }
        box.append(line);
      }
      return box;
    }

    // A page without figures: what to do next, and the outlines of what is there.
    async function outlines(words, keys) {
      drawLater();
      overlay(global.gridcover.tiles(`${config.tiles}/grids/{z}/{x}/{y}.pbf`, { grids: { fill: false, color: "#52606d", weight: 1, opacity: 0.8 } }, { pane: "shade" }), t.grids, true);
      overlay(global.gridcover.tiles(`${config.tiles}/cameras/{z}/{x}/{y}.pbf`, { cameras: global.gridcover.cameraStyle() }, { pane: "points" }), t.cameras, true);
      content.replaceChildren(await global.gridcover.nextSteps(config, words, keys));
      await ready();
    }

    const shared = {
      map, config, t, el, card, load, overlay, legend, swatch, whole, fine, percent, named, content, ready, fail, zh, focus, downloads, pulse,
      where, told, ground: district.pad(0.03), wall, saved, baseFor, leads, outlines, pick, areas, areaFilter, beneath, searchBox, pointing, showCard, hideCard, quantileBreaks, classOf, RAMPS, UNKNOWN,
    };
    if (config.run == null) {
      outlines(t.no_results_title, ["areas", "grids", "cameras", "buildings", "refresh"]).catch(fail);
      return;
    }
    if (config.seeing && !wall && !saved) global.gridcover.seeing(shared);
    if (!wall) global.gridcover.sheet(shared);
    global.gridcover.pages[config.page](shared);
  }

  // Of cameras whose status nobody knows nothing bad is said: they are neither green nor red.
  const CAMERA = { working: "#0f6b3a", unknown: "#3f5d7d", faulty: "#b91c1c", offline: "#6b7280", retired: "#6b7280" };
  function clusterColour(p) {
    const known = p.count - (p.unknown || 0);
    if (!known) return CAMERA.unknown;
    return p.working === known ? CAMERA.working : p.working > 0 ? "#2f6b4a" : CAMERA.faulty;
  }
  function cameraStyle(statusOf) {
    return (p, zoom) => {
      if (p.count != null) {
        const radius = p.count > 1 ? Math.min(13, 5.5 + 1.2 * Math.log2(p.count)) : 3;
        return { fill: true, radius, fillColor: clusterColour(p), fillOpacity: 0.72, color: "#ffffff", weight: 0.8, label: p.count > 1 ? (p.count > 999 ? `${Math.round(p.count / 1000)}k` : String(p.count)) : null };
      }
      return { fill: true, radius: zoom >= 17 ? 5 : 3.5, weight: 1, color: "#ffffff", fillColor: CAMERA[(statusOf && statusOf(p.code)) || p.status] || CAMERA.unknown, fillOpacity: 1 };
    };
  }

  Object.assign(global.gridcover, { start, pages: {}, cameraStyle, clusterColour, CAMERA });
})(window);
