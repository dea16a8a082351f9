/* Client of the API: sends requests, records what was read, and answers from a saved page. */

/** A response of the service that is not a success. */
export class HttpError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * Return a query string; parameters without a value are left out, those of a list come once for
 * each.
 *
 * @param {Query} [query]
 */
export function queryString(query) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query || {})) {
    if (Array.isArray(value)) value.forEach((one) => parts.append(name, String(one)));
    else if (value != null && value !== "") parts.set(name, String(value));
  }
  return parts.toString();
}

/**
 * Return a client of the service. What it reads is recorded, so that a page can be saved with it.
 *
 * @param {string} root of the addresses, such as "/api/v1"
 * @param {SavedPage | null} [saved] if given, responses are read from it and nothing is requested
 * @returns {ApiClient}
 */
export function createClient(root, saved = null) {
  /** @type {Set<string>} */
  const recorded = new Set();
  const answers = saved ? savedAnswers(saved) : null;

  /** @param {string} address @param {RequestInit} [options] */
  async function request(address, options) {
    return answers ? answerOf(answers, address) : fetch(address, options);
  }

  return {
    root,
    recorded: () => [...recorded],
    async get(path, query, options = {}) {
      const address = `${root}/${path}?${queryString(query)}`;
      if (options.record !== false) recorded.add(address);
      const response = await request(address, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new HttpError(`${path}: ${response.status}`, response.status);
      if (response.status === 204) return null;
      const body = await response.json();
      const total = response.headers.get("X-Total-Count");
      return total == null ? body : Object.assign(body, { total: Number(total) });
    },
    async send(method, path, body) {
      const isFile = body instanceof Blob;
      /** @type {Record<string, string>} */
      const headers = { Accept: "application/json" };
      if (body != null)
        headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
      const payload = body == null || isFile ? body : JSON.stringify(body);
      const response = await request(`${root}/${path}`, { method, body: payload, headers });
      if (response.status === 204) return null;
      const content = await response.json();
      if (response.ok) return content;
      const detail = typeof content.detail === "string" ? content.detail : String(response.status);
      throw new HttpError(detail, response.status);
    },
    async tile(address) {
      recorded.add(address);
      const response = await request(address);
      return response.ok ? response.arrayBuffer() : null;
    },
  };
}

/**
 * Return an address by which a saved answer is looked up: its parameters in order, its language
 * left out.
 *
 * @param {string} address
 */
export function lookupKey(address) {
  const [path, query] = address.split("?");
  const parts = [...new URLSearchParams(query || "")].filter(([name]) => name !== "lang").sort();
  return `${path}?${new URLSearchParams(parts)}`;
}

/** @param {SavedPage} saved */
function savedAnswers(saved) {
  return new Map(
    Object.entries(saved.answers).map(([address, answer]) => [lookupKey(address), answer]),
  );
}

/** @param {Map<string, SavedAnswer>} answers @param {string} address */
function answerOf(answers, address) {
  const answer = answers.get(lookupKey(address));
  if (!answer) return new Response(/\.pbf/.test(address) ? null : "{}", { status: 404 });
  const [type, text, isBase64] = answer;
  const body = isBase64
    ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    : text;
  return new Response(body, { status: 200, headers: { "Content-Type": type } });
}

/**
 * Listen to what happens while the page is open; the browser connects again by itself.
 *
 * @param {ApiClient} client
 * @param {Record<string, (event: any) => void>} handlers by the kind of event
 */
export function listen(client, handlers) {
  const source = new EventSource(`${client.root}/events`);
  for (const [kind, handle] of Object.entries(handlers)) {
    source.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  }
  source.addEventListener("open", () => {
    document.body.dataset.live = "true";
  });
  window.addEventListener("pagehide", () => source.close());
}
