/* What a map shows as a sheet to hand in: printed, as PNG or PDF, or as one file that opens with no network. */
(function (global) {
  "use strict";

  const { el } = global.gridcover;
  const SIDE = 300;
  const HEAD = 62;
  const FOOT = 34;
  const ZOOMS = 2; // levels deeper than the present one that a saved map can be looked at
  const MOST_TILES = 1500;

  function sheet(x) {
    const { map, config, t } = x;
    const told = el("span", { class: "hint", role: "status" });
    const box = el("details", { class: "hand-in" }, el("summary", {}, t.hand_in));
    const row = el("p", { class: "row" });
    const button = (words, task) => el("button", { type: "button", onclick: async (event) => {
      const pressed = event.currentTarget;
      pressed.disabled = true;
      told.textContent = t.making;
      try {
        await task();
        told.textContent = "";
      } catch (error) {
        told.textContent = `${t.error_title}: ${error.message}`;
      } finally {
        pressed.disabled = false;
      }
    } }, words);
    row.append(button("PNG", png), button("PDF", pdf), button(t.print, print));
    if (!x.saved) row.append(button(t.save_file, save));
    box.append(row, told);
    document.getElementById("provenance").before(box);

    function clean(text) {
      return text.replace(/[\\/:*?"<>|\s]+/g, "_").slice(0, 80);
    }

    function download(blob, name) {
      const link = el("a", { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }

    const title = () => `${t[config.page]}${x.describe ? ` – ${x.describe()}` : ""}`;

    // Everything that is drawn, in its order, upon one canvas.
    function drawn() {
      const place = map.getContainer().getBoundingClientRect();
      const out = document.createElement("canvas");
      out.width = Math.round(place.width) + SIDE;
      out.height = Math.max(560, Math.round(place.height)) + HEAD + FOOT;
      const ink = out.getContext("2d");
      ink.fillStyle = "#fff";
      ink.fillRect(0, 0, out.width, out.height);
      ink.save();
      ink.beginPath();
      ink.rect(0, HEAD, place.width, place.height);
      ink.clip();
      ink.fillStyle = "#f3f1ec";
      ink.fillRect(0, HEAD, place.width, place.height);
      const panes = [...map.getPane("mapPane").children].sort((a, b) => Number(getComputedStyle(a).zIndex) - Number(getComputedStyle(b).zIndex));
      for (const pane of panes) {
        for (const canvas of [...pane.querySelectorAll("canvas")]) {
          const at = canvas.getBoundingClientRect();
          if (!canvas.width || !canvas.height) continue;
          ink.globalAlpha = Number(getComputedStyle(canvas).opacity) || 1;
          ink.drawImage(canvas, at.x - place.x, at.y - place.y + HEAD, at.width, at.height);
        }
        ink.globalAlpha = 1;
        for (const label of pane.querySelectorAll(".place-name, .plan-camera")) {
          const at = label.getBoundingClientRect();
          const middle = [at.x - place.x + at.width / 2, at.y - place.y + at.height / 2 + HEAD];
          if (label.classList.contains("plan-camera")) {
            ink.fillStyle = "#5b21b6";
            ink.beginPath();
            ink.arc(middle[0], middle[1], 10, 0, 7);
            ink.fill();
          }
          const style = getComputedStyle(label);
          ink.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
          ink.textAlign = "center";
          ink.textBaseline = "middle";
          ink.lineWidth = 3;
          ink.strokeStyle = label.classList.contains("plan-camera") ? "#5b21b6" : "#ffffffdd";
          ink.strokeText(label.textContent, middle[0], middle[1]);
          ink.fillStyle = style.color;
          ink.fillText(label.textContent, middle[0], middle[1]);
        }
      }
      north(ink, place.width - 34, HEAD + 40);
      scale(ink, place.width, place.height);
      ink.restore();
      margins(ink, out, place);
      return out;
    }

    function write(ink, text, left, top, width, size, colour, weight) {
      ink.font = `${weight || 400} ${size}px system-ui, "Noto Sans CJK SC", sans-serif`;
      ink.fillStyle = colour;
      ink.textAlign = "left";
      ink.textBaseline = "top";
      // Chinese breaks anywhere, English between words.
      const parts = /[\u4e00-\u9fff]/.test(text) ? [...text] : text.split(/(?<=\s)/);
      let line = "";
      let y = top;
      for (const part of parts) {
        if (line && ink.measureText(line + part).width > width) {
          ink.fillText(line, left, y);
          line = "";
          y += size * 1.4;
        }
        line += part;
      }
      ink.fillText(line, left, y);
      return y + size * 1.4;
    }

    function north(ink, cx, cy) {
      ink.fillStyle = "#1c2733";
      ink.beginPath();
      ink.moveTo(cx, cy - 22);
      ink.lineTo(cx + 9, cy + 8);
      ink.lineTo(cx, cy + 2);
      ink.lineTo(cx - 9, cy + 8);
      ink.fill();
      write(ink, "N", cx - 5, cy + 10, 20, 13, "#1c2733", 600);
    }

    function scale(ink, width, height) {
      const y = height / 2;
      const metres = map.distance(map.containerPointToLatLng([0, y]), map.containerPointToLatLng([120, y]));
      const power = Math.pow(10, Math.floor(Math.log10(metres)));
      const round = [5, 2, 1].map((m) => m * power).find((m) => m <= metres);
      const length = (round / metres) * 120;
      ink.fillStyle = "#ffffffcc";
      ink.fillRect(12, height + HEAD - 34, length + 16, 26);
      ink.strokeStyle = "#1c2733";
      ink.lineWidth = 2;
      ink.strokeRect(20, height + HEAD - 14, length, 0.01);
      write(ink, round >= 1000 ? `${round / 1000} km` : `${round} m`, 20, height + HEAD - 32, 120, 12, "#1c2733");
    }

    function margins(ink, out, place) {
      write(ink, `gridcover · ${title()}`, 14, 10, out.width - 28, 19, "#12355b", 600);
      const left = place.width + 16;
      let y = HEAD + 10;
      for (const heading of document.querySelectorAll("#content .key")) {
        for (const node of heading.querySelectorAll("h2, .legend li, .ramp, .hint")) {
          if (y > out.height - FOOT - 30) break;
          if (node.tagName === "H2") { y = write(ink, node.textContent, left, y + 4, SIDE - 30, 14, "#1c2733", 600) + 4; continue; }
          if (node.classList.contains("hint")) { y = write(ink, node.textContent, left, y, SIDE - 30, 12, "#54616e"); continue; }
          if (node.classList.contains("ramp")) {
            const ramp = ink.createLinearGradient(left, 0, left + 200, 0);
            ["#2c7fb8", "#41b6c4", "#fed976", "#fd8d3c", "#bd0026"].forEach((c, k) => ramp.addColorStop(k / 4, c));
            ink.fillStyle = ramp;
            ink.fillRect(left, y, 200, 10);
            y += 14;
            y = write(ink, `${t.low} – ${t.heat} – ${t.high}`, left, y, SIDE - 30, 12, "#54616e");
            continue;
          }
          const mark = node.querySelector(".swatch, .round");
          if (mark) {
            ink.fillStyle = mark.style.background || mark.style.backgroundColor;
            ink.fillRect(left, y + 1, 24, 13);
            ink.strokeStyle = "#6b7783";
            ink.lineWidth = 1;
            ink.strokeRect(left, y + 1, 24, 13);
          }
          const words = [...node.children].filter((n) => n !== mark).map((n) => n.textContent).join("   ");
          y = write(ink, words, left + 32, y, SIDE - 60, 13, "#1c2733") + 3;
        }
      }
      const figures = [...document.querySelectorAll("#content .figures > *")];
      y += 10;
      for (let k = 0; k + 1 < figures.length && y < out.height - FOOT - 40; k += 2) {
        y = write(ink, figures[k].textContent, left, y, SIDE - 30, 19, "#12355b", 600);
        y = write(ink, figures[k + 1].textContent, left, y, SIDE - 30, 12, "#54616e") + 4;
      }
      const when = new Date().toISOString().slice(0, 10);
      write(ink, `${document.getElementById("provenance").textContent} · ${t.printed} ${when}${config.user ? ` · ${config.user}` : ""}`, 14, out.height - FOOT + 10, out.width - 28, 12, "#54616e");
    }

    function blobOf(canvas, type) {
      return new Promise((resolve, reject) => { canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(type))), type, 0.92); });
    }

    async function png() {
      await noted("png");
      download(await blobOf(drawn(), "image/png"), `${clean(title())}.png`);
    }

    function script(address) {
      return new Promise((resolve, reject) => {
        const node = el("script", { src: address });
        node.onload = resolve;
        node.onerror = () => reject(new Error(address));
        document.head.append(node);
      });
    }

    async function pdf() {
      await noted("pdf");
      if (!global.jspdf) await script(`${config.static}/vendor/jspdf/jspdf.umd.min.js`);
      const canvas = drawn();
      const page = new global.jspdf.jsPDF({ orientation: "landscape", unit: "mm", format: "a4", compress: true });
      const [width, height] = [page.internal.pageSize.getWidth() - 16, page.internal.pageSize.getHeight() - 16];
      const by = Math.min(width / canvas.width, height / canvas.height);
      page.addImage(canvas.toDataURL("image/jpeg", 0.92), "JPEG", 8, 8, canvas.width * by, canvas.height * by);
      page.setProperties({ title: title(), creator: "gridcover" });
      download(page.output("blob"), `${clean(title())}.pdf`);
    }

    async function print() {
      await noted("print");
      const old = document.querySelector(".print-sheet");
      if (old) old.remove();
      const image = el("img", { class: "print-sheet", alt: title() });
      const shown = new Promise((resolve) => { image.onload = resolve; });
      image.src = drawn().toDataURL("image/png");
      document.body.append(image);
      await shown;
      global.print();
    }

    // What leaves the house is on record before it does.
    async function noted(form) {
      if (x.saved) return;
      const answer = await fetch(`${config.api}/handed-in?${new URLSearchParams({ page: config.page, form, what: title().slice(0, 300) })}`);
      if (!answer.ok) throw new Error(String(answer.status));
    }

    async function text(address) {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      return answer.text();
    }

    function base64(buffer) {
      const bytes = new Uint8Array(buffer);
      let out = "";
      for (let k = 0; k < bytes.length; k += 32768) out += String.fromCharCode(...bytes.subarray(k, k + 32768));
      return btoa(out);
    }

    // Everything the page asked for, and tiles around and beneath what is in sight.
    async function archive() {
      const wanted = new Set(global.gridcover.asked);
      const bounds = map.getBounds();
      const begin = Math.floor(map.getZoom());
      const tilesOf = ["base", ...(x.prefetch || [])];
      let count = 0;
      for (let zoom = Math.max(3, begin - 1); zoom <= Math.min(18, begin + ZOOMS); zoom++) {
        const low = map.project(bounds.getNorthWest(), zoom).divideBy(256).floor();
        const high = map.project(bounds.getSouthEast(), zoom).divideBy(256).floor();
        const here = (high.x - low.x + 1) * (high.y - low.y + 1) * tilesOf.length;
        if (count + here > MOST_TILES) break;
        count += here;
        for (let column = low.x; column <= high.x; column++) for (let line = low.y; line <= high.y; line++) for (const name of tilesOf) wanted.add(`${config.tiles}/${name}/${zoom}/${column}/${line}.pbf`);
      }
      const kept = {};
      const rest = [...wanted];
      const take = async () => {
        for (let address = rest.pop(); address; address = rest.pop()) {
          const answer = await fetch(address);
          if (!answer.ok) continue;
          const type = answer.headers.get("content-type") || "";
          kept[address] = type.includes("json") ? [type, await answer.text()] : [type, base64(await answer.arrayBuffer()), 1];
        }
      };
      await Promise.all(Array.from({ length: 6 }, take));
      return kept;
    }

    async function save() {
      await noted("html");
      const page = new DOMParser().parseFromString(await text(location.href.split("#")[0]), "text/html");
      const inert = (code) => code.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");
      for (const link of [...page.querySelectorAll("link[rel=stylesheet]")]) {
        let css = await text(link.getAttribute("href"));
        const folder = new URL(link.getAttribute("href"), location.href);
        for (const [whole_, , path] of [...css.matchAll(/url\((['"]?)(?!data:)([^'")]+)\1\)/g)]) {
          const answer = await fetch(new URL(path, folder));
          if (answer.ok) css = css.replace(whole_, `url(data:${answer.headers.get("content-type")};base64,${base64(await answer.arrayBuffer())})`);
        }
        const style = page.createElement("style");
        style.textContent = css.replace(/<\/style/gi, "<\\/style");
        link.replaceWith(style);
      }
      for (const node of [...page.querySelectorAll("script")]) {
        node.removeAttribute("nonce");
        const source = node.getAttribute("src");
        if (!source) continue;
        node.removeAttribute("src");
        node.textContent = inert(await text(source));
      }
      page.querySelectorAll("link[rel=icon], form.who, #panel nav").forEach((node) => node.remove());
      const kept = await archive();
      const first = page.createElement("script");
      const state = JSON.stringify({ hash: location.hash, title: title(), when: new Date().toISOString(), answers: kept }).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
      first.textContent = `window.gridcoverSaved = ${state};\n(${offline.toString()})();`;
      page.head.prepend(first);
      page.body.querySelectorAll("#content > *").forEach((node) => node.remove());
      const html = `<!DOCTYPE html>\n${page.documentElement.outerHTML}`;
      download(new Blob([html], { type: "text/html" }), `${clean(title())}.html`);
      document.body.dataset.saved = String(html.length);
    }

    // Runs in the saved file before all else: answers come out of the file, and nothing leaves it.
    function offline() {
      const kept = window.gridcoverSaved.answers;
      const same = (a) => { const [path, query] = String(a).split("?"); const parts = [...new URLSearchParams(query || "")].filter(([k]) => k !== "lang").sort(); return `${path}?${new URLSearchParams(parts)}`; };
      const found = new Map(Object.entries(kept).map(([address, answer]) => [same(address), answer]));
      window.fetch = async (asked) => {
        const answer = found.get(same(asked));
        if (!answer) return /\.pbf/.test(String(asked)) ? new Response(new Uint8Array(0)) : new Response("{}", { status: 404 });
        const body = answer[2] ? Uint8Array.from(atob(answer[1]), (c) => c.charCodeAt(0)) : answer[1];
        return new Response(body, { status: 200, headers: { "Content-Type": answer[0] } });
      };
    }
  }

  Object.assign(global.gridcover, { sheet });
})(window);
