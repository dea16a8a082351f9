/* Steps of the local calendar. Moments have no zone: they are computed as if they were UTC. */

export const STEPS = ["month", "week", "day", "hour"];

/** @type {Record<string, number>} */
const STEP_MS = { hour: 3600e3, day: 86400e3, week: 7 * 86400e3 };

/**
 * Return the moment that a text names: "2026-03", "2026-03-05" or "2026-03-05T14".
 *
 * @param {string} text
 */
export function parseMoment(text) {
  const day = text.length === 7 ? `${text}-01` : text.slice(0, 10);
  const hour = text.length > 10 ? text.slice(11, 13) : "00";
  return new Date(`${day}T${hour}:00:00Z`);
}

/**
 * Return the text that names the step of a moment.
 *
 * @param {Date} date
 * @param {string} step
 */
export function stepKey(date, step) {
  return date.toISOString().slice(0, { month: 7, hour: 13 }[step] || 10);
}

/**
 * Return the start of the step that contains a moment; weeks start on Monday.
 *
 * @param {Date} date
 * @param {string} step
 */
export function floorStep(date, step) {
  const start = new Date(date);
  start.setUTCMinutes(0, 0, 0);
  if (step === "hour") return start;
  start.setUTCHours(0);
  if (step === "week") start.setUTCDate(start.getUTCDate() - ((start.getUTCDay() + 6) % 7));
  if (step === "month") start.setUTCDate(1);
  return start;
}

/**
 * Return the moment a number of steps later.
 *
 * @param {Date} date
 * @param {string} step
 * @param {number} [count] below 0 for earlier
 */
export function addSteps(date, step, count = 1) {
  const moved = new Date(date);
  if (step === "month") moved.setUTCMonth(moved.getUTCMonth() + count);
  else moved.setTime(moved.getTime() + count * STEP_MS[step]);
  return moved;
}

/**
 * Return the texts of all steps from one moment's to another's.
 *
 * @param {Date} first
 * @param {Date} last
 * @param {string} step
 */
export function listSteps(first, last, step) {
  const steps = [];
  for (let date = first; date <= last; date = addSteps(date, step)) steps.push(stepKey(date, step));
  return steps;
}

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const STEP_FORMATS = {
  month: { year: "numeric", month: "short" },
  week: { year: "numeric", month: "short", day: "numeric" },
  day: { year: "numeric", month: "short", day: "numeric", weekday: "short" },
  hour: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
};

/**
 * Return a step in words.
 *
 * @param {string} text that names the step
 * @param {string} step
 * @param {string} language
 */
export function stepText(text, step, language) {
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const format = new Intl.DateTimeFormat(locale, { ...STEP_FORMATS[step], timeZone: "UTC" });
  return format.format(parseMoment(text));
}
