import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { createClient, HttpError, lookupKey, queryString } from "../../service/static/lib/api.js";
import {
  figureMapLink,
  issuesLink,
  lorenzCurve,
  rankRows,
} from "../../service/static/lib/dashboard_links.js";
import { hashText, readPosition } from "../../service/static/lib/url_state.js";

const plainFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = plainFetch;
});

/** @type {{address: string, options: any}[]} */
let requests = [];

/** @param {number} status @param {unknown} body @param {Record<string, string>} [headers] */
function answerWith(status, body, headers = {}) {
  requests = [];
  globalThis.fetch = async (address, options) => {
    requests.push({ address: String(address), options });
    return new Response(status === 204 ? null : JSON.stringify(body), { status, headers });
  };
}

test("parameters without a value are left out, lists come once for each", () => {
  assert.equal(
    queryString({ a: 1, b: null, c: "", d: undefined, e: ["x", ""], f: 0 }),
    "a=1&e=x&e=&f=0",
  );
  assert.equal(queryString(), "");
});

test("what is read is recorded, unless it is not for keeping", async () => {
  answerWith(200, [1, 2], { "X-Total-Count": "7" });
  const client = createClient("/api/v1");
  const rows = await client.get("grids", { limit: 2 });
  await client.get("search", { q: "x" }, { record: false });
  await client.tile("/tiles/base/1/2/3.pbf");
  assert.equal(rows.total, 7);
  assert.deepEqual(client.recorded(), ["/api/v1/grids?limit=2", "/tiles/base/1/2/3.pbf"]);
  assert.equal(requests.length, 3);
});

test("failures say what the service says", async () => {
  answerWith(422, { detail: "columns are missing" });
  const client = createClient("/api/v1");
  await assert.rejects(client.send("POST", "jobs/import"), (error) => {
    assert.ok(error instanceof HttpError);
    assert.equal(error.status, 422);
    assert.equal(error.message, "columns are missing");
    return true;
  });
  await assert.rejects(client.get("grids"), /grids: 422/);
  assert.equal(await client.tile("/tiles/base/1/2/3.pbf"), null);
  answerWith(204, null);
  assert.equal(await client.send("DELETE", "imports/mappings"), null);
  assert.equal(await client.get("areas"), null);
});

test("a file is sent as it is, anything else as JSON", async () => {
  answerWith(200, {});
  const client = createClient("/api/v1");
  await client.send("POST", "planning/sites", { count: 1 });
  await client.send("POST", "jobs/import", new Blob(["a,b"]));
  await client.send("POST", "jobs/refresh");
  const [json, file, nothing] = requests.map(({ options }) => options);
  assert.equal(json.body, '{"count":1}');
  assert.equal(json.headers["Content-Type"], "application/json");
  assert.equal(file.headers["Content-Type"], "application/octet-stream");
  assert.ok(file.body instanceof Blob);
  assert.equal(nothing.headers["Content-Type"], undefined);
});

test("a saved page answers out of itself and asks nobody", async () => {
  answerWith(500, {});
  const client = createClient("/api/v1", {
    hash: "",
    title: "",
    when: "",
    answers: {
      "/api/v1/grids?limit=2&lang=zh": ["application/json", "[1]"],
      "/tiles/base/1/2/3.pbf": ["application/x-protobuf", btoa("\u0001\u00ff"), true],
    },
  });
  assert.deepEqual(await client.get("grids", { lang: "en", limit: 2 }), [1]);
  const tile = await client.tile("/tiles/base/1/2/3.pbf");
  assert.deepEqual([...new Uint8Array(tile || new ArrayBuffer(0))], [1, 255]);
  assert.equal(await client.tile("/tiles/base/9/9/9.pbf"), null);
  await assert.rejects(client.get("areas"), /areas: 404/);
  assert.equal(requests.length, 0);
});

test("answers are looked up whatever the order and the language", () => {
  assert.equal(lookupKey("/a?x=1&lang=zh&b=2"), lookupKey("/a?b=2&x=1&lang=en"));
  assert.notEqual(lookupKey("/a?x=1"), lookupKey("/a?x=2"));
  assert.equal(lookupKey("/a"), lookupKey("/a?"));
});

test("the part behind # stays readable", () => {
  const parts = new URLSearchParams({ category: "theft/bicycle,noise", to: "2026-03-05T14:00" });
  assert.equal(hashText(parts), "category=theft/bicycle,noise&to=2026-03-05T14:00");
  assert.equal(new URLSearchParams(hashText(parts)).get("category"), "theft/bicycle,noise");
});

test("a position is three numbers", () => {
  assert.deepEqual(readPosition("31.5,118.25,14.5"), [31.5, 118.25, 14.5]);
  for (const text of [null, "", "31,118", "31,118,x", "1,2,3,4"]) {
    assert.equal(readPosition(text), null, String(text));
  }
});

test("figures lead to the map that shows them", () => {
  assert.equal(figureMapLink("en", "open_covered", "g1", true), "/maps/coverage?lang=en#grid=g1");
  assert.equal(
    figureMapLink("zh", "service_requests_in_time", "a1"),
    "/maps/incidents?lang=zh#area=a1",
  );
  assert.equal(figureMapLink("zh", "open_covered", null), "/maps/coverage?lang=zh");
  assert.equal(
    figureMapLink("en", "headed", "a1"),
    "/maps/data-quality?lang=en&layer=grids&aspect=complete&issue=head_missing&area=a1",
  );
  assert.equal(
    figureMapLink("en", "quality/cameras", null),
    "/maps/data-quality?lang=en&layer=cameras",
  );
  assert.equal(figureMapLink("en", "something", null), null);
  assert.equal(
    issuesLink("en", { layer: "grids" }, null),
    "/maps/data-quality?lang=en&layer=grids",
  );
});

test("equal values share a rank, and the best comes first", () => {
  const rows = [0.5, 0.9, null, 0.9, 0.1].map((value) => ({ value }));
  const ranks = (/** @type {boolean} */ low) => rankRows(rows, low).map((r) => [r.value, r.rank]);
  assert.deepEqual(ranks(false), [
    [0.9, 1],
    [0.9, 1],
    [0.5, 3],
    [0.1, 4],
  ]);
  assert.deepEqual(ranks(true), [
    [0.1, 1],
    [0.5, 2],
    [0.9, 3],
    [0.9, 3],
  ]);
});

test("the Lorenz curve rises from nothing to everything", () => {
  assert.deepEqual(lorenzCurve([3, 1, null]), { areas: [0, 0.5, 1], shares: [0, 0.25, 1] });
  assert.equal(lorenzCurve([1]), null);
  assert.equal(lorenzCurve([0, 0]), null);
});
