/* What every page shares: nodes made of data as text, numbers and words in the page's language. */
(function (global) {
  "use strict";

  // What the page asked for: a map that is saved as a file takes it along.
  const asked = new Set();
  const plain = global.fetch.bind(global);
  if (!global.gridcoverSaved) {
    global.fetch = (address, options) => {
      if (typeof address === "string" && (!options || !options.method || options.method === "GET") && /^\/(api|tiles)\//.test(address) && !/\/(live|jobs|handed-in|search)/.test(address)) asked.add(address);
      return plain(address, options);
    };
  }

  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value === true) node.setAttribute(key, "");
      else if (value !== false && value != null) node.setAttribute(key, value);
    }
    for (const child of children) if (child != null) node.append(child);
    return node;
  }

  function svg(tag, attributes) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  }

  function notice(text) {
    const box = document.getElementById("notice");
    box.textContent = text || "";
    box.hidden = !text;
  }

  // A finding is told in English with its numbers in it: "older than 10 years".
  function findingName(t, finding) {
    const numbers = finding.match(/\d+(\.\d+)?/g) || [];
    let key = `finding_${finding.replace(/\d+(\.\d+)?/g, "{n}")}`;
    const walk = /^no (.+) within a walk$/.exec(finding);
    if (walk) key = "finding_no {kind} within a walk";
    let words = t[key];
    if (!words) return finding;
    if (walk) return words.replace("{kind}", t[`kind_${walk[1]}`] || walk[1]);
    for (const number of numbers) words = words.replace("{n}", number);
    return words;
  }

  async function load(api, path, data) {
    const parts = new URLSearchParams();
    for (const [key, value] of Object.entries(data || {})) {
      if (Array.isArray(value)) value.forEach((v) => parts.append(key, v));
      else if (value != null && value !== "") parts.set(key, value);
    }
    const response = await fetch(`${api}/${path}?${parts}`, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    const total = response.headers.get("X-Total-Count");
    const body = await response.json();
    if (total != null) body.total = Number(total);
    return body;
  }

  // What a page shows, in the part of its address behind "#": a link reproduces the view.
  function address() {
    const saved = global.gridcoverSaved;
    const parts = new URLSearchParams((saved ? saved.hash : location.hash).slice(1));
    return {
      get: (key) => parts.get(key),
      set(key, value) {
        if (value == null || value === "") parts.delete(key);
        else parts.set(key, value);
        // Codes and commas read better as they are.
        const text = parts.toString().replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%2F/g, "/");
        if (!saved) history.replaceState(null, "", `${location.pathname}${location.search}${text ? `#${text}` : ""}`);
        // The other language shows the same.
        document.querySelectorAll("nav a.language").forEach((a) => { a.hash = text; });
      },
    };
  }

  // What happens while a page is open; the browser comes back by itself and says what it has seen.
  function live(api, handlers) {
    if (global.gridcoverSaved) return null;
    const source = new EventSource(`${api}/live`);
    for (const [kind, handle] of Object.entries(handlers)) {
      source.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
    }
    source.addEventListener("open", () => { document.body.dataset.live = "true"; });
    window.addEventListener("pagehide", () => source.close());
    return source;
  }

  // Numbers as the page's language writes them: whole, to three digits, shares.
  function numbers(language) {
    const locale = language === "zh" ? "zh-CN" : "en";
    return {
      whole: new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }),
      fine: new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 }),
      percent: new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }),
    };
  }

  global.gridcover = { address, asked, el, svg, notice, findingName, load, live, numbers };
})(window);
