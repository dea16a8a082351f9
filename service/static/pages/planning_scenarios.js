/* Plans under a name: saved, opened, shared and compared. */

import { button, el, headingRow } from "../lib/dom.js";

/**
 * @typedef {object} ScenarioShelf
 * @property {Plan} plan
 * @property {HTMLInputElement} name
 * @property {HTMLInputElement} share
 * @property {HTMLElement} list
 * @property {HTMLElement} comparison
 * @property {Scenario | null} opened
 */

/**
 * Return the section of saved scenarios.
 *
 * @param {Plan} plan
 */
export function scenariosBox(plan) {
  const { t } = plan.context;
  /** @type {ScenarioShelf} */
  const shelf = {
    plan,
    name: el("input", {
      type: "text",
      id: "scenario-name",
      maxlength: 200,
      placeholder: t.scenario_name,
      "aria-label": t.scenario_name,
    }),
    share: el("input", { type: "checkbox", id: "scenario-shared" }),
    list: el("ul", {}),
    comparison: el("div", { class: "compared" }),
    opened: null,
  };
  const save = () => run(plan, saveScenario(shelf));
  const compare = () => run(plan, showComparison(plan.context, shelf.list, shelf.comparison));
  const saveButton = button({ class: "scenario-save", onclick: save }, t.scenario_save);
  const element = el(
    "div",
    { class: "scenarios" },
    el("h3", {}, t.scenarios),
    el("div", { class: "row" }, shelf.name, shareLabel(t, shelf.share), saveButton),
    shelf.list,
    button({ class: "scenario-compare", onclick: compare }, t.scenario_compare),
    shelf.comparison,
  );
  const close = () => {
    shelf.opened = null;
  };
  return { element, close, list: () => run(plan, listScenarios(shelf)) };
}

/** @param {Plan} plan @param {Promise<unknown>} task whose failure is said beside the plan */
function run(plan, task) {
  return task.catch((error) => plan.say(error.message));
}

/** @param {ScenarioShelf} shelf */
async function listScenarios(shelf) {
  const { context } = shelf.plan;
  const { client, t } = context;
  const scenarios = /** @type {Scenario[]} */ (await client.get("scenarios"));
  const lines = scenarios.map((scenario) =>
    scenarioLine(context, scenario, {
      open: () => openScenario(shelf, scenario),
      remove: () => run(shelf.plan, removeScenario(shelf, scenario)),
    }),
  );
  if (!lines.length) lines.push(el("li", {}, el("small", {}, t.scenario_none)));
  shelf.list.replaceChildren(...lines);
}

/** @param {ScenarioShelf} shelf @param {Scenario} scenario */
async function removeScenario(shelf, scenario) {
  await shelf.plan.context.client.send("DELETE", `scenarios/${scenario.id}`);
  await listScenarios(shelf);
}

/**
 * Save the plan: in the opened scenario if the account owns it, else as a new one.
 *
 * @param {ScenarioShelf} shelf
 */
async function saveScenario(shelf) {
  const { plan, name, share, opened } = shelf;
  const { client, t } = plan.context;
  if (!plan.cameras.length) {
    plan.say(t.scenario_first);
    return;
  }
  const content = {
    name: name.value.trim() || `${t.plan} ${new Date().toLocaleString()}`,
    shared: share.checked,
    cameras: plan.cameras,
  };
  const saved = /** @type {Scenario} */ (
    opened?.mine
      ? await client.send("PUT", `scenarios/${opened.id}`, { ...content, version: opened.version })
      : await client.send("POST", "scenarios", content)
  );
  shelf.opened = saved;
  name.value = saved.name;
  plan.say(t.scenario_saved);
  await listScenarios(shelf);
}

/** @param {Texts} t @param {HTMLElement} input */
function shareLabel(t, input) {
  return el("label", { for: input.id }, input, " ", t.scenario_share);
}

/** @param {ScenarioShelf} shelf @param {Scenario} scenario */
function openScenario(shelf, scenario) {
  const { plan, name, share } = shelf;
  shelf.opened = scenario;
  name.value = scenario.name;
  share.checked = scenario.shared;
  plan.cameras = scenario.cameras.map((camera) => {
    const entries = Object.entries(camera).filter(([, value]) => value != null);
    return /** @type {PlannedCamera} */ (Object.fromEntries(entries));
  });
  plan.changed();
  const places = plan.cameras.map(({ lat, lon }) => L.latLng(lat, lon));
  const bounds = L.latLngBounds(places).pad(0.3);
  plan.context.map.fitBounds(bounds, { maxZoom: 18, animate: false });
}

/**
 * @param {MapContext} context
 * @param {Scenario} scenario
 * @param {{open: () => void, remove: () => void}} actions
 */
function scenarioLine({ t, client }, scenario, { open, remove }) {
  const { id, name, cameras, mine, shared, owner } = scenario;
  const access = mine ? (shared ? t.scenario_share : "") : t.scenario_by.replace("{owner}", owner);
  const about = [String(cameras.length), access].filter(Boolean).join(" · ");
  const label = `${t.scenario_compare}: ${name}`;
  const removal = { "aria-label": `${t.scenario_remove}: ${name}`, onclick: remove };
  return el(
    "li",
    {},
    el("input", { type: "checkbox", value: id, "aria-label": label }),
    el("span", {}, name, " ", el("small", {}, about)),
    button({ class: "scenario-open", onclick: open }, t.scenario_open),
    el("a", { href: `${client.root}/scenarios/${id}/plan.xlsx`, download: "" }, "xlsx"),
    mine ? button(removal, "×") : null,
  );
}

/** @param {MapContext} context @param {HTMLElement} list @param {HTMLElement} place */
async function showComparison({ t, client, formats }, list, place) {
  const boxes = [...list.querySelectorAll("input:checked")];
  const ids = boxes.map((box) => /** @type {HTMLInputElement} */ (box).value);
  if (!ids.length) {
    place.replaceChildren();
    return;
  }
  const rows = /** @type {ScenarioFigures[]} */ (
    await client.get("scenarios/comparison", { id: ids }, { record: false })
  );
  const { integer, decimal } = formats;
  /**
   * @param {ScenarioFigures} row
   * @param {"gained_m2" | "risk" | "per_camera_m2"} key
   * @param {Intl.NumberFormat} format
   */
  const cell = (row, key, format) => {
    const isBest = rows.length > 1 && row[key] === Math.max(...rows.map((other) => other[key]));
    return el("td", { class: isBest ? "best" : null }, format.format(row[key]));
  };
  const head = headingRow([
    t.scenarios,
    t.scenario_cameras,
    t.scenario_gain,
    t.scenario_risk,
    t.scenario_each,
  ]);
  const lines = rows.map((row) =>
    el(
      "tr",
      {},
      el("td", {}, row.name),
      el("td", {}, integer.format(row.cameras)),
      cell(row, "gained_m2", integer),
      cell(row, "risk", decimal),
      cell(row, "per_camera_m2", integer),
    ),
  );
  place.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...lines)));
}
