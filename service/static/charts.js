/* Small charts beside the maps, drawn by uPlot: lines and bars over labelled steps. */
(function (global) {
  "use strict";

  const { el } = global.gridcover;
  const COLOURS = ["#12355b", "#b3470a", "#0f766e", "#7b3fa0", "#8a6410", "#b91c1c"];
  const AXIS = { font: "11px system-ui, sans-serif", stroke: "#54616e", grid: { stroke: "#e6ebf0", width: 1 }, ticks: { show: false } };

  /* labels: one a step; series: label, values, colour, bars; options: height, format, top, band [first, last], onpick(step). */
  function chart(labels, series, options) {
    const o = options || {};
    const place = el("div", { class: "chart", role: "img", "aria-label": `${series.map((s) => s.label).join(", ")}: ${labels[0]} – ${labels[labels.length - 1]}` });
    const steps = labels.map((_, k) => k);
    const format = o.format || new Intl.NumberFormat();
    let band = o.band || null;
    let plot = null;
    const make = () => {
      const width = Math.max(160, place.clientWidth || 300);
      plot = new global.uPlot({
        width, height: o.height || 130, padding: [8, 6, 0, 0],
        legend: { show: series.length > 1, live: true }, cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        scales: { x: { time: false, range: [-0.6, labels.length - 0.4] }, y: { range: (u, low, high) => [0, o.top || (high || 1) * 1.08] } },
        series: [{ label: "", value: (u, k) => labels[k] || "–" }, ...series.map((s, k) => ({
          label: s.label, stroke: s.colour || COLOURS[k % COLOURS.length], fill: s.bars ? `${s.colour || COLOURS[k % COLOURS.length]}99` : undefined, width: s.bars ? 0 : 2,
          paths: s.bars ? global.uPlot.paths.bars({ size: [0.8, 40] }) : undefined, points: { show: !s.bars && labels.length < 3 }, value: (u, v) => (v == null ? "–" : format.format(v)),
        }))],
        axes: [{ ...AXIS, size: 26, space: 60, values: (u, ticks) => ticks.map((k) => (Number.isInteger(k) && labels[k] ? labels[k] : "")), grid: { show: false } }, { ...AXIS, size: 46, values: (u, ticks) => ticks.map((v) => format.format(v)) }],
        hooks: {
          drawClear: [(u) => {
            if (!band) return;
            const left = u.valToPos(band[0] - 0.5, "x", true);
            const right = u.valToPos(band[1] + 0.5, "x", true);
            u.ctx.fillStyle = "#f2c14e66";
            u.ctx.fillRect(left, u.bbox.top, Math.max(2, right - left), u.bbox.height);
          }],
          setCursor: [(u) => {
            const k = u.cursor.idx;
            place.title = k == null ? "" : `${labels[k]}: ${series.map((s) => `${series.length > 1 ? `${s.label} ` : ""}${s.values[k] == null ? "–" : format.format(s.values[k])}`).join(" · ")}`;
          }],
        },
      }, [steps, ...series.map((s) => s.values)], place);
      if (o.onpick) plot.over.addEventListener("click", () => { if (plot.cursor.idx != null) o.onpick(plot.cursor.idx); });
      place.dataset.drawn = "true";
    };
    // As wide as the page lets it be, once it is in the page, and when that changes.
    new ResizeObserver(() => {
      if (!place.clientWidth) return;
      if (!plot) make();
      else if (Math.abs(plot.width - place.clientWidth) > 4) plot.setSize({ width: Math.max(160, place.clientWidth), height: o.height || 130 });
    }).observe(place);
    place.mark = (first, last) => { band = [first, last]; if (plot) plot.redraw(false); };
    return place;
  }

  /* Hours of the week: seven rows of twenty-four cells, darker for more. */
  function week(table, t, format, ramp) {
    const most = Math.max(1, ...table.flat());
    const head = el("tr", {}, el("td", {}), ...Array.from({ length: 24 }, (_, h) => el("th", { scope: "col" }, h % 6 === 0 ? String(h) : "")));
    const rows = table.map((hours, d) => el("tr", {}, el("th", { scope: "row" }, t[`weekday_${d}`]), ...hours.map((n, h) => {
      const cell = el("td", { title: `${t[`weekday_${d}`]} ${h}:00 – ${format.format(n)}` });
      cell.style.background = n ? ramp[Math.min(ramp.length - 1, Math.floor((n / most) * ramp.length))] : "#f4f6f8";
      return cell;
    })));
    return el("table", { class: "week" }, el("caption", {}, t.hours_of_week), el("thead", {}, head), el("tbody", {}, ...rows));
  }

  Object.assign(global.gridcover, { chart, week });
})(window);
