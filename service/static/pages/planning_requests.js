/* Requests about the plan: the views of its cameras while one is dragged, their gain once the
   pointer rests. */

import { countUp } from "../lib/dom.js";

const REST_MS = 120; // the pointer rests after this time without a move

/**
 * Return the two requests. Only one is open at a time, and the newest follows it.
 *
 * @param {Plan} plan
 * @param {{onViews: (views: PlannedView[]) => void, onGain: (gain: PlanGain) => void, onNothing: ()
 *   => void, onRest: () => void}} actions
 */
export function createPlanRequests(plan, actions) {
  const { box } = plan.parts;
  const { client, t } = plan.context;
  let isRequesting = false;
  let isRepeated = false;
  let isMoving = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let restTimer;

  /** @param {boolean} moving whether only the views are requested */
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
  async function start(moving) {
    clearTimeout(restTimer);
    if (!moving) actions.onRest();
    isRepeated = isRequesting;
    isMoving = moving;
    if (isRequesting) return;
    if (!plan.cameras.length) {
      actions.onNothing();
      return;
    }
    isRequesting = true;
    box.dataset.busy = "true";
    const startMs = performance.now();
    try {
      await request(moving);
      box.dataset.took = String(Math.round(performance.now() - startMs));
    } catch (error) {
      plan.say(/** @type {Error} */ (error).message);
    } finally {
      isRequesting = false;
      countUp("requests", box);
      if (isRepeated) start(isMoving);
      else if (moving) restTimer = setTimeout(() => start(false), REST_MS);
      else box.dataset.busy = "false";
    }
  }

  return { views: () => start(true), gain: () => start(false) };
}
