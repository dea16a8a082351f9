/* Cameras that do not stand yet: put on the map, dragged, turned and changed; what they would see follows.
   They live in the address, or under a name as a scenario: nothing of it touches the registers. */
(function (global) {
  "use strict";

  const { el } = global.gridcover;
  const KINDS = ["fixed", "dome", "ptz", "panoramic"];
  const MOST = 50;
  const FIELDS = [["bearing_deg", 0, 360], ["fov_deg", 1, 360], ["range_m", 1, 2000], ["height_m", 1, 500]];
  const REST_MS = 120; // a pointer that has not moved for so long rests
  const ARM_PX = 38; // from a camera to what turns it

  // The address: cameras apart by ";", lon,lat,kind,bearing,field of view,range,height each.
  function written(cameras) {
    return cameras.map((c) => [c.lon.toFixed(6), c.lat.toFixed(6), c.kind, ...FIELDS.map(([key]) => c[key] ?? "")].join(",")).join(";");
  }

  function read(text) {
    const found = [];
    for (const part of (text || "").split(";").slice(0, MOST)) {
      const [lon, lat, kind, ...rest] = part.split(",");
      if (!KINDS.includes(kind) || !isFinite(lon) || !isFinite(lat) || lon === "" || lat === "") continue;
      const camera = { lon: Number(lon), lat: Number(lat), kind };
      FIELDS.forEach(([key, low, high], k) => {
        const value = Number(rest[k]);
        if (rest[k] && value >= low && value <= high) camera[key] = value;
      });
      found.push(camera);
    }
    return found;
  }

  function bearingOf(from, to) {
    const east = (to.lng - from.lng) * Math.cos((from.lat * Math.PI) / 180);
    return (Math.round((Math.atan2(east, to.lat - from.lat) * 180) / Math.PI) + 360) % 360;
  }

  function planning(x) {
    const { map, config, t, whole, percent } = x;
    map.createPane("plan").style.zIndex = 445;
    map.getPane("plan").style.pointerEvents = "none";
    const seen = L.geoJSON(null, { pane: "plan", interactive: false, style: { color: "#5b21b6", weight: 1.5, dashArray: "4 3", fill: false } });
    const added = L.geoJSON(null, { pane: "plan", interactive: false, style: { stroke: false, fillColor: "#7c3aed", fillOpacity: 0.45 } });
    const marks = L.layerGroup();
    x.overlay(L.layerGroup([added, seen, marks]), t.plan, true);
    let cameras = [];
    let areas = [];
    let placing = false;
    let asking = false;
    let again = false;
    let quick = false;
    let resting = null;

    const put = el("button", { type: "button", class: "plan-put", onclick: () => place(!placing) }, t.plan_put);
    const told = el("div", { class: "plan-told", role: "status" });
    const note = el("p", { class: "hint plan-note", role: "status" });
    const list = el("ol", { class: "plan-list" });
    const number = el("input", { type: "number", id: "plan-number", min: 1, max: MOST, value: 5 });
    const kind = el("select", { id: "plan-kind", "aria-label": t.kind }, ...KINDS.map((k) => el("option", { value: k, selected: k === "ptz" }, t["camera_" + k])));
    const best = el("button", { type: "button", onclick: () => sites() }, t.plan_best);
    const hand = el("div", { class: "row plan-hand" },
      el("button", { type: "button", onclick: () => download("csv") }, "CSV"), el("button", { type: "button", onclick: () => download("geojson") }, "GeoJSON"),
      el("button", { type: "button", onclick: () => navigator.clipboard?.writeText(location.href).then(() => say(t.plan_copied)) }, t.plan_link),
      el("button", { type: "button", onclick: () => { cameras = []; opened = null; changed(); } }, t.plan_clear));
    const name = el("input", { type: "text", id: "scenario-name", maxlength: 200, placeholder: t.scenario_name, "aria-label": t.scenario_name });
    const share = el("input", { type: "checkbox", id: "scenario-shared" });
    const kept = el("ul", {});
    const compared = el("div", { class: "compared" });
    const scenarios = el("div", { class: "scenarios" }, el("h3", {}, t.scenarios),
      el("div", { class: "row" }, name, el("label", { for: "scenario-shared" }, share, " ", t.scenario_share), el("button", { type: "button", class: "scenario-save", onclick: () => save().catch(told_) }, t.scenario_save)),
      kept, el("button", { type: "button", class: "scenario-compare", onclick: () => compare().catch(told_) }, t.scenario_compare), compared);
    let opened = null;
    const box = el("details", { class: "plan", ontoggle: () => { if (box.open) box.scrollIntoView({ block: "start" }); } }, el("summary", {}, t.plan), el("p", { class: "hint" }, t.plan_hint),
      el("div", { class: "row" }, put), el("div", { class: "row" }, el("label", { for: "plan-number" }, t.plan_next), number, kind, best), told, note, list, hand, scenarios);

    function say(text) {
      note.textContent = text;
    }

    function place(on) {
      placing = on;
      map.getContainer().classList.toggle("placing", on);
      put.setAttribute("aria-pressed", String(on));
      put.textContent = on ? t.plan_click : t.plan_put;
    }

    map.on("click", (event) => {
      if (!placing) return;
      event.taken = true;
      place(false);
      if (cameras.length >= MOST) return say(t.plan_full);
      cameras.push({ lon: event.latlng.lng, lat: event.latlng.lat, kind: kind.value, ...(kind.value === "fixed" ? { bearing_deg: 0 } : {}) });
      if (map.getZoom() < 16) map.setView(event.latlng, 17);
      changed();
    });
    map.on("zoomend", draw);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") place(false); });

    function changed() {
      draw();
      ask();
    }

    function keep() {
      const address = new URL(location.href);
      if (cameras.length) address.searchParams.set("plan", written(cameras));
      else address.searchParams.delete("plan");
      history.replaceState(null, "", address);
    }

    // Where its arm ends on the screen, whatever the zoom.
    function ahead(at, bearing) {
      const turn = (bearing * Math.PI) / 180;
      return map.layerPointToLatLng(map.latLngToLayerPoint(at).add([ARM_PX * Math.sin(turn), -ARM_PX * Math.cos(turn)]));
    }

    // A camera to drag, and before it what turns it.
    function draw() {
      marks.clearLayers();
      list.replaceChildren();
      cameras.forEach((camera, k) => {
        const at = L.latLng(camera.lat, camera.lon);
        const name = `${t.plan_camera} ${k + 1}`;
        const mark = L.marker(at, { draggable: true, autoPan: true, title: name, alt: name, icon: L.divIcon({ className: "plan-camera", iconSize: [22, 22], html: el("span", {}, String(k + 1)) }) });
        const turns = camera.bearing_deg != null && (camera.fov_deg == null || camera.fov_deg < 360);
        const knob = turns ? L.marker(ahead(at, camera.bearing_deg), { draggable: true, keyboard: false, title: t.bearing, icon: L.divIcon({ className: "plan-knob", iconSize: [14, 14] }) }) : null;
        mark.on("drag", () => {
          const now = mark.getLatLng();
          camera.lon = now.lng;
          camera.lat = now.lat;
          if (knob) knob.setLatLng(ahead(now, camera.bearing_deg));
          ask(true);
        });
        if (knob) {
          knob.on("drag", () => {
            camera.bearing_deg = bearingOf(mark.getLatLng(), knob.getLatLng());
            const field = list.children[k].querySelector("[name=bearing_deg]");
            field.value = camera.bearing_deg;
            ask(true);
          });
          knob.on("dragend", () => knob.setLatLng(ahead(mark.getLatLng(), camera.bearing_deg)));
          knob.addTo(marks);
        }
        mark.addTo(marks);
        list.append(row(camera, k, name));
      });
      hand.hidden = !cameras.length;
    }

    function row(camera, k, name) {
      const pick = el("select", { "aria-label": `${name}: ${t.kind}`, onchange: (event) => { camera.kind = event.target.value; changed(); } },
        ...KINDS.map((value) => el("option", { value, selected: value === camera.kind }, t["camera_" + value])));
      const fields = FIELDS.map(([key, low, high]) => {
        const words = t[key.replace(/_(deg|m)$/, "")];
        return el("label", {}, words, el("input", {
          type: "number", name: key, min: low, max: high, placeholder: t.plan_usual, value: camera[key] == null ? "" : camera[key], "aria-label": `${name}: ${words}`,
          onchange: (event) => {
            const value = Number(event.target.value);
            if (event.target.value === "" || !(value >= low && value <= high)) delete camera[key];
            else camera[key] = value;
            changed();
          },
        }));
      });
      return el("li", {}, el("div", { class: "row" }, el("strong", {}, name), pick, el("span", { class: "amount" }, areas[k] || ""),
        el("button", { type: "button", title: t.plan_remove, "aria-label": `${name}: ${t.plan_remove}`, onclick: () => { cameras.splice(k, 1); changed(); } }, "×")), el("div", { class: "plan-fields" }, ...fields));
    }

    async function post(path, body, method) {
      const answer = await fetch(`${config.api}/${path}`, { method: method || "POST", body: body ? JSON.stringify(body) : undefined, headers: { "Content-Type": "application/json", Accept: "application/json" } });
      const said = answer.status === 204 ? null : await answer.json();
      if (!answer.ok) throw new Error(said.detail || String(answer.status));
      return said;
    }

    // While the pointer moves only one question is under way, and the newest follows it: of the views alone, the
    // gain once it rests.
    async function ask(moving) {
      clearTimeout(resting);
      if (!moving) keep();
      again = asking;
      quick = !!moving;
      if (asking) return undefined;
      if (!cameras.length) {
        seen.clearLayers();
        added.clearLayers();
        told.replaceChildren();
        return say("");
      }
      asking = true;
      box.dataset.busy = "true";
      const begun = performance.now();
      const only = quick;
      try {
        if (only) {
          const views = await post("what-if/views", { cameras });
          if (cameras.length) look(views);
          added.clearLayers();
        } else {
          const gain = await post("what-if", { cameras });
          if (cameras.length && !again) show(gain);
        }
        if (note.textContent === t.plan_searching) say("");
        box.dataset.took = String(Math.round(performance.now() - begun));
      } catch (error) {
        say(error.message);
      } finally {
        asking = false;
        box.dataset.asked = String(Number(box.dataset.asked || 0) + 1);
        if (again) ask(quick);
        else if (only) resting = setTimeout(() => ask(false), REST_MS);
        else box.dataset.busy = "false";
      }
      return undefined;
    }

    function look(views) {
      seen.clearLayers().addData(views.map((v) => ({ type: "Feature", properties: {}, geometry: v.geometry })));
      areas = views.map((view) => `${whole.format(view.area_m2)} m²`);
      list.querySelectorAll(".amount").forEach((amount, k) => { amount.textContent = areas[k] || ""; });
    }

    function show(gain) {
      look(gain.views);
      added.clearLayers();
      if (gain.added.coordinates.length) added.addData({ type: "Feature", properties: {}, geometry: gain.added });
      const share = (v) => (v == null ? "–" : percent.format(v));
      const most = [...gain.grids].sort((a, b) => b.gained_m2 - a.gained_m2).slice(0, 5);
      names(most.map((g) => g.grid));
      told.replaceChildren(
        el("div", { class: "figures" }, el("strong", { id: "plan-gain" }, `+${whole.format(gain.gained_m2)} m²`), el("span", {}, t.plan_gained), el("strong", { id: "plan-risk" }, x.fine.format(gain.risk)), el("span", {}, t.plan_risk), el("strong", {}, whole.format(gain.incidents)), el("span", {}, t.plan_incidents)),
        el("table", { class: "plan-grids" }, ...most.map((g) => el("tr", {}, el("th", { scope: "row" }, called.get(g.grid) || g.grid), el("td", {}, `${share(g.share_before)} → ${share(g.share_after)}`)))));
    }

    const called = new Map();
    async function names(codes) {
      const missing = codes.filter((code) => !called.has(code));
      if (!missing.length) return;
      missing.forEach((code) => called.set(code, ""));
      const found = await x.load("names", { code: missing }).catch(() => ({}));
      for (const [code, [zh, en]] of Object.entries(found)) called.set(code, (!x.zh && en) || zh);
      told.querySelectorAll(".plan-grids th").forEach((cell) => { if (called.get(cell.textContent)) cell.textContent = called.get(cell.textContent); });
    }

    async function sites() {
      best.disabled = true;
      say(t.plan_searching);
      try {
        const found = await post("sites", { number: Math.max(1, Math.min(MOST, Number(number.value) || 1)), camera: { kind: kind.value }, area: x.where.get("area") });
        cameras = found.sites.map((s) => ({ lon: s.lon, lat: s.lat, kind: s.kind, ...(s.kind === "ptz" || s.kind === "panoramic" ? {} : { bearing_deg: Math.round(s.bearing_deg) % 360 }) }));
        changed();
        if (cameras.length) map.fitBounds(L.latLngBounds(cameras.map((c) => [c.lat, c.lon])).pad(0.2), { maxZoom: 17 });
      } catch (error) {
        say(error.message);
      } finally {
        best.disabled = false;
      }
    }

    function download(form) {
      const plain = cameras.map((c, k) => ({ number: k + 1, kind: c.kind, lon: Number(c.lon.toFixed(7)), lat: Number(c.lat.toFixed(7)), bearing_deg: c.bearing_deg ?? null, fov_deg: c.fov_deg ?? null, range_m: c.range_m ?? null, height_m: c.height_m ?? null }));
      let text;
      if (form === "csv") {
        const names = Object.keys(plain[0]);
        text = "\ufeff" + [names, ...plain.map((row) => names.map((name) => row[name] ?? ""))].map((row) => row.join(",")).join("\r\n") + "\r\n";
      } else {
        text = JSON.stringify({ type: "FeatureCollection", features: plain.map(({ lon, lat, ...properties }) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [lon, lat] } })) });
      }
      const link = el("a", { href: URL.createObjectURL(new Blob([text], { type: form === "csv" ? "text/csv" : "application/geo+json" })), download: `plan.${form}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }

    const told_ = (error) => say(error.message);

    // One that was opened and is one's own is saved over, under its name or another; else a new one is made.
    async function save() {
      if (!cameras.length) return say(t.scenario_first);
      const body = { name: name.value.trim() || `${t.plan} ${new Date().toLocaleString()}`, shared: share.checked, cameras };
      const mine = opened && opened.mine;
      opened = mine ? await post(`scenarios/${opened.id}`, { ...body, version: opened.version }, "PUT") : await post("scenarios", body);
      name.value = opened.name;
      say(t.scenario_saved);
      return shelf();
    }

    function open(one) {
      opened = one;
      name.value = one.name;
      share.checked = one.shared;
      cameras = one.cameras.map((camera) => Object.fromEntries(Object.entries(camera).filter(([, value]) => value != null)));
      changed();
      map.fitBounds(L.latLngBounds(cameras.map((c) => [c.lat, c.lon])).pad(0.3), { maxZoom: 18, animate: false });
    }

    async function shelf() {
      const found = await x.load("scenarios");
      kept.replaceChildren(...found.map((one) => el("li", {}, el("input", { type: "checkbox", value: one.id, "aria-label": `${t.scenario_compare}: ${one.name}` }),
        el("span", {}, one.name, " ", el("small", {}, [one.cameras.length, one.mine ? (one.shared ? t.scenario_share : null) : t.scenario_by.replace("{owner}", one.owner)].filter((part) => part != null).join(" · "))),
        el("button", { type: "button", class: "scenario-open", onclick: () => open(one) }, t.scenario_open),
        el("a", { href: `${config.api}/scenarios/${one.id}/plan.xlsx`, download: "" }, "xlsx"),
        one.mine ? el("button", { type: "button", "aria-label": `${t.scenario_remove}: ${one.name}`, onclick: () => post(`scenarios/${one.id}`, null, "DELETE").then(shelf).catch(told_) }, "×") : null)));
      if (!found.length) kept.append(el("li", {}, el("small", {}, t.scenario_none)));
    }

    async function compare() {
      const chosen = [...kept.querySelectorAll("input:checked")].map((one) => one.value);
      if (!chosen.length) return compared.replaceChildren();
      const rows = await x.load("scenarios/compared", { id: chosen });
      const best = (key) => Math.max(...rows.map((row) => row[key]));
      const cell = (row, key, text) => el("td", { class: rows.length > 1 && row[key] === best(key) ? "best" : null }, text);
      return compared.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...[t.scenarios, t.scenario_cameras, t.scenario_gain, t.scenario_risk, t.scenario_each].map((words) => el("th", { scope: "col" }, words)))),
        el("tbody", {}, ...rows.map((row) => el("tr", {}, el("td", {}, row.name), el("td", {}, whole.format(row.cameras)), cell(row, "gained_m2", whole.format(row.gained_m2)), cell(row, "risk", x.fine.format(row.risk)), cell(row, "per_camera_m2", whole.format(row.per_camera_m2)))))));
    }
    box.addEventListener("toggle", () => { if (box.open) shelf().catch(told_); });

    cameras = read(new URLSearchParams(location.search).get("plan"));
    box.open = cameras.length > 0;
    if (cameras.length) {
      if (!x.told) map.fitBounds(L.latLngBounds(cameras.map((c) => [c.lat, c.lon])), { maxZoom: 18, padding: [60, 60], animate: false });
      changed();
    } else draw();
    return box;
  }

  Object.assign(global.gridcover, { planning });
})(window);
