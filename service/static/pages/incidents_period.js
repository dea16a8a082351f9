/* The period that is shown: steps of the calendar on a slider, and how many of them. */

import { addSteps, floorStep, listSteps, parseMoment, stepKey, stepText } from "../lib/calendar.js";
import { readChoice } from "../lib/category_choice.js";
import { button, el } from "../lib/dom.js";

/**
 * @type {Record<string, readonly number[]>} lengths that are offered, by kind of step; 0 is
 *   everything
 */
const SPANS = {
  month: [1, 3, 12, 0],
  week: [1, 4, 13, 52],
  day: [1, 7, 30, 90],
  hour: [1, 3, 6, 24],
};
const HOURS_OF_WEEK = 168;
const PLAY_MS = 1100;

/**
 * Return a period without steps yet.
 *
 * @param {{first: string, last: string} | null} extent of the incidents
 * @returns {PeriodView}
 */
export function createPeriod(extent) {
  const [first, last] = extent
    ? [extent.first, extent.last].map(parseMoment)
    : [new Date(0), new Date(0)];
  return { steps: [], at: 0, kind: "month", first, last };
}

/**
 * Return the moment that the period should end with when its steps are made.
 *
 * @param {PeriodView} period
 * @param {string | null} wanted in the address
 */
function endMoment({ steps, at, kind, first, last }, wanted) {
  let moment = last;
  if (steps.length) moment = addSteps(addSteps(parseMoment(steps[at]), kind), "hour", -1);
  else if (wanted) moment = parseMoment(wanted);
  return clampMoment(moment, first, last);
}

/** @param {Date} moment @param {Date} first @param {Date} last */
function clampMoment(moment, first, last) {
  if (!(moment <= last)) return last; // not a date at all
  return moment < first ? first : moment;
}

/**
 * Make the steps of the slider: all steps, but hours of one week only.
 *
 * @param {IncidentView} view
 * @param {Date} [target] moment that the period should end with
 */
export function makeSteps(view, target) {
  const { period, controls, parts, context } = view;
  const { urlState } = context;
  const moment = target || endMoment(period, urlState.get("to"));
  const kind = controls.step.value;
  const isHours = kind === "hour";
  const start = isHours ? floorStep(moment, "week") : floorStep(period.first, kind);
  const end = isHours ? addSteps(start, "hour", HOURS_OF_WEEK - 1) : floorStep(period.last, kind);
  const steps = listSteps(start, end, kind);
  const at = steps.indexOf(stepKey(floorStep(moment, kind), kind));
  Object.assign(period, { steps, at: at >= 0 ? at : steps.length - 1, kind });
  parts.slider.max = String(steps.length - 1);
  parts.shift.hidden = !isHours;
  offerSpans(view);
}

/** @param {IncidentView} view */
function offerSpans({ period, controls, context }) {
  const { t, urlState } = context;
  const spans = SPANS[period.kind];
  const { select } = controls.span;
  const chosen = Number(urlState.get("span") || spans[0]);
  const options = spans.map((count) => {
    const text = count ? t[`span_${period.kind}`].replace("{n}", String(count)) : t.span_0;
    return el("option", { value: count, selected: count === chosen }, text);
  });
  select.replaceChildren(...options);
  urlState.set("span", select.value === String(spans[0]) ? null : select.value);
}

/**
 * Return the first and the last step of the period.
 *
 * @param {IncidentView} view
 * @returns {[number, number]}
 */
export function shownSteps({ period, controls }) {
  const count = Number(controls.span.value);
  if (count === 0) return [0, period.steps.length - 1];
  return [Math.max(0, period.at - count + 1), period.at];
}

/**
 * Return the query of a range of steps and of the selected area and categories.
 *
 * @param {IncidentView} view
 * @param {[number, number]} [range] first and last step; those shown without
 * @returns {IncidentQuery}
 */
export function periodQuery(view, [first, last] = shownSteps(view)) {
  const { urlState } = view.context;
  const { steps, kind } = view.period;
  const chosen = readChoice(urlState.get("category"));
  const end = addSteps(parseMoment(steps[last]), kind);
  return {
    from: stepKey(parseMoment(steps[first]), kind),
    until: stepKey(end, kind),
    category: chosen && !chosen.length ? [""] : chosen,
    area: urlState.get("area") || null,
  };
}

/**
 * Return a step in words.
 *
 * @param {IncidentView} view
 * @param {number} index
 */
export function stepName({ period, context }, index) {
  return stepText(period.steps[index], period.kind, context.language);
}

/**
 * Show the period on the slider and in words.
 *
 * @param {IncidentView} view
 */
export function showPeriod(view) {
  const { period, parts, context } = view;
  const { at, steps, kind } = period;
  const isLast = at === steps.length - 1 && kind !== "hour";
  context.urlState.set("to", isLast ? null : steps[at]);
  parts.slider.value = String(at);
  parts.slider.setAttribute("aria-valuetext", stepName(view, at));
  const [first, last] = shownSteps(view);
  const end = stepName(view, last);
  parts.periodText.textContent = first === last ? end : `${stepName(view, first)} – ${end}`;
}

/**
 * Connect the slider, the play button and the buttons beside it to the period.
 *
 * @param {IncidentView} view
 * @param {() => void} onChange
 */
export function watchPeriod(view, onChange) {
  const { parts, period, context } = view;
  const { t } = context;
  parts.slider.addEventListener("input", () => {
    period.at = Number(parts.slider.value);
    onChange();
  });
  parts.play.addEventListener("click", () => togglePlay(view, onChange));
  /** @param {number} weeks */
  const shift = (weeks) => {
    if (shiftWeeks(view, weeks)) onChange();
  };
  parts.shift.append(
    button({ onclick: () => shift(-1), "aria-label": t.earlier }, "‹"),
    button({ onclick: () => shift(1), "aria-label": t.later }, "›"),
  );
}

/** @param {IncidentView} view @param {number} weeks */
function shiftWeeks(view, weeks) {
  const { steps, at, first, last } = view.period;
  const target = addSteps(parseMoment(steps[at]), "hour", HOURS_OF_WEEK * weeks);
  if (target < floorStep(first, "week") || target > last) return false;
  makeSteps(view, clampMoment(target, first, last));
  return true;
}

/**
 * Start or stop the animation.
 *
 * @param {IncidentView} view
 * @param {() => void} onChange
 */
export function togglePlay(view, onChange) {
  const { parts, period, context } = view;
  if (view.timer) {
    stopPlay(view);
    return;
  }
  parts.play.textContent = `❚❚ ${context.t.pause}`;
  parts.play.setAttribute("aria-pressed", "true");
  view.timer = setInterval(() => {
    period.at = (period.at + 1) % period.steps.length;
    onChange();
  }, PLAY_MS);
}

/**
 * Stop the animation.
 *
 * @param {IncidentView} view
 */
export function stopPlay(view) {
  const { parts, context } = view;
  if (view.timer) clearInterval(view.timer);
  view.timer = null;
  parts.play.textContent = `▶ ${context.t.play}`;
  parts.play.setAttribute("aria-pressed", "false");
}
