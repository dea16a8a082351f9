/* Questions about the plan: what its cameras see while one is dragged, what they gain once it
   rests. */

import { countUp } from "../lib/dom.js";

const REST_MS = 120; // a pointer that has not moved for so long rests

/**
 * Return the two questions. Only one is under way at a time, and the newest follows it.
 *
 * @param {Plan} plan
 * @param {{onViews: (views: PlannedView[]) => void, onGain: (gain: PlanGain) => void, onNothing: ()
 *   => void, onRest: () => void}} actions
 */
export function createPlanRequests(plan, actions) {
  const { box } = plan.parts;
  const { client, t } = plan.context;
  let isAsking = false;
  let isRepeated = false;
  let isMoving = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let restTimer;

  /** @param {boolean} moving whether the views alone are asked for */
  async function request(moving) {
    const { cameras } = plan;
    if (moving) {
      const views = await client.send("POST", "planning/views", { cameras });
      if (plan.cameras.length) actions.onViews(views);
      plan.layers.gained.clearLayers();
    } else {
      const gain = await client.send("POST", "planning/what-if", { cameras });
      if (plan.cameras.length && !isRepeated) actions.onGain(gain);
    }
    if (plan.parts.note.textContent === t.plan_searching) plan.say("");
  }

  /** @param {boolean} moving */
  async function ask(moving) {
    clearTimeout(restTimer);
    if (!moving) actions.onRest();
    isRepeated = isAsking;
    isMoving = moving;
    if (isAsking) return;
    if (!plan.cameras.length) {
      actions.onNothing();
      return;
    }
    isAsking = true;
    box.dataset.busy = "true";
    const start = performance.now();
    try {
      await request(moving);
      box.dataset.took = String(Math.round(performance.now() - start));
    } catch (error) {
      plan.say(/** @type {Error} */ (error).message);
    } finally {
      isAsking = false;
      countUp("asked", box);
      if (isRepeated) ask(isMoving);
      else if (moving) restTimer = setTimeout(() => ask(false), REST_MS);
      else box.dataset.busy = "false";
    }
  }

  return { views: () => ask(true), gain: () => ask(false) };
}
