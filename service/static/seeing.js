/* Which cameras see a place: asked by a button or the map's context menu, nearest first. */
(function (global) {
  "use strict";

  const { el, svg } = global.gridcover;

  function eye() {
    const shape = svg("svg", { viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": 2 });
    shape.append(svg("path", { d: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12z" }), svg("circle", { cx: 12, cy: 12, r: 3 }));
    return shape;
  }

  function seeing(x) {
    const { map, t, whole } = x;
    map.createPane("sight").style.zIndex = 444;
    map.getPane("sight").style.pointerEvents = "none";
    const lines = L.layerGroup().addTo(map);
    let asking = false;

    const button = el("button", { type: "button", class: "who-sees", title: t.who_sees, "aria-label": t.who_sees, "aria-pressed": "false", onclick: () => mode(!asking) }, eye());
    const Control = L.Control.extend({
      onAdd() {
        const box = el("div", { class: "leaflet-bar" }, button);
        L.DomEvent.disableClickPropagation(box);
        return box;
      },
    });
    new Control({ position: "topright" }).addTo(map);

    function mode(on) {
      asking = on;
      button.setAttribute("aria-pressed", String(on));
      map.getContainer().classList.toggle("placing", on);
    }

    map.on("click", (event) => {
      if (!asking) return;
      event.taken = true;
      mode(false);
      ask(event.latlng);
    });
    map.on("contextmenu", (event) => ask(event.latlng));
    map.on("popupclose", () => lines.clearLayers());
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") mode(false); });

    async function ask(at) {
      const found = await x.load("cameras-seeing", { lon: at.lng.toFixed(7), lat: at.lat.toFixed(7) }).catch(x.fail);
      const working = found.filter((c) => c.status === "working" || c.status === "unknown").length;
      const head = el("tr", {}, ...[t.cameras, t.status, t.distance, t.bearing, t.px_per_m].map((name) => el("th", { scope: "col" }, name)));
      const rows = found.slice(0, 50).map((c) => el("tr", {}, el("td", {}, c.name || c.camera), el("td", {}, t["status_" + c.status] || c.status), el("td", { class: "n" }, `${whole.format(c.distance_m)} m`),
        el("td", { class: "n" }, `${whole.format(c.bearing_deg)}°`), el("td", { class: "n" }, c.px_per_m == null ? "–" : whole.format(c.px_per_m))));
      const body = found.length
        ? el("div", { class: "sighted" }, el("p", {}, t.seen_by.replace("{n}", whole.format(found.length)).replace("{working}", whole.format(working))), el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)))
        : el("p", { class: "sighted" }, t.seen_by_none);
      L.popup({ maxWidth: 420, maxHeight: 300 }).setLatLng(at).setContent(body).openOn(map);
      lines.clearLayers();
      for (const c of found.slice(0, 50)) {
        const turn = (c.bearing_deg * Math.PI) / 180;
        const lat = at.lat - ((c.distance_m * Math.cos(turn)) / 6371008.8) * (180 / Math.PI);
        const lng = at.lng - ((c.distance_m * Math.sin(turn)) / (6371008.8 * Math.cos((at.lat * Math.PI) / 180))) * (180 / Math.PI);
        L.polyline([[lat, lng], at], { pane: "sight", interactive: false, color: "#0b4f8a", weight: 2, dashArray: "2 5" }).addTo(lines);
      }
      document.body.dataset.seen = String(found.length);
      document.body.dataset.sights = String(Number(document.body.dataset.sights || 0) + 1);
    }
  }

  Object.assign(global.gridcover, { seeing });
})(window);
