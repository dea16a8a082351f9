/* The video wall: shows pages in turn in two frames; the next page loads behind the present one.
   Each page is loaded again, so that memory does not grow over days; while the service is not
   available the present page stays. */

import { byId, countUp } from "../lib/dom.js";
import { pageConfig } from "../lib/page_data.js";
import { pause } from "../lib/time.js";

const READY_MS = 60000; // longest loading time of a page
const AWAY_MS = 5000;
const ENDED_MS = 60000;

/**
 * @typedef {object} VideoWallView
 * @property {VideoWallConfig} config
 * @property {HTMLIFrameElement[]} frames
 * @property {HTMLElement} message
 * @property {number} page that is shown
 * @property {number} front frame that is shown
 * @property {number} due moment of the next turn, on the page's own clock
 * @property {boolean} paused
 * @property {boolean} turning
 */

async function isServiceUp() {
  try {
    const response = await fetch("/readyz", { cache: "no-store" });
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Wait for a page.
 *
 * @param {HTMLIFrameElement} frame
 * @returns {Promise<"ready" | "ended" | "away">} "ended" if the sign-in page was loaded instead
 */
async function loadingResult(frame) {
  const start = performance.now();
  while (performance.now() - start < READY_MS) {
    const page = frame.contentDocument;
    if (page && page.location.pathname === "/sign-in") return "ended";
    if (page && page.body && page.body.dataset.ready === "true") return "ready";
    await pause(200);
  }
  return "away";
}

/** @param {VideoWallView} view */
async function turn(view) {
  if (view.turning || !view.config.pages.length) return;
  view.turning = true;
  try {
    await showNext(view);
  } finally {
    view.turning = false;
  }
}

/** @param {VideoWallView} view */
async function showNext(view) {
  const { config, frames, message } = view;
  const { t } = config;
  if (!(await isServiceUp())) {
    message.textContent = t.video_wall_away;
    view.due = performance.now() + AWAY_MS;
    return;
  }
  view.page = (view.page + 1) % config.pages.length;
  const frame = frames[1 - view.front];
  frame.src = "about:blank";
  await pause(50);
  frame.src = config.pages[view.page];
  const result = await loadingResult(frame);
  if (result !== "ready") {
    message.textContent = result === "ended" ? t.video_wall_ended : t.video_wall_away;
    view.due = performance.now() + (result === "ended" ? ENDED_MS : AWAY_MS);
    return;
  }
  view.front = 1 - view.front;
  frames[view.front].classList.add("shown");
  frames[1 - view.front].classList.remove("shown");
  setTimeout(() => {
    if (!view.turning) frames[1 - view.front].src = "about:blank";
  }, 1500);
  message.textContent = "";
  view.due = performance.now() + config.seconds * 1000;
  countUp("turns");
  document.body.dataset.shown = config.pages[view.page];
}

/** @param {VideoWallView} view */
function addControls(view) {
  const { t, seconds } = view.config;
  const pauseButton = byId("pause");
  pauseButton.addEventListener("click", () => {
    view.paused = !view.paused;
    pauseButton.textContent = view.paused ? t.play : t.pause;
    if (!view.paused) view.due = performance.now() + seconds * 1000;
  });
  byId("next").addEventListener("click", () => turn(view));
  byId("full").addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen();
  });
}

/** @param {VideoWallConfig} config */
function startVideoWall(config) {
  /** @type {VideoWallView} */
  const view = {
    config,
    frames: [byId("one"), byId("two")],
    message: byId("status"),
    page: -1,
    front: 1,
    due: 0,
    paused: false,
    turning: false,
  };
  const [bar, clock] = [byId("bar"), byId("clock")];
  const time = new Intl.DateTimeFormat(config.language === "zh" ? "zh-CN" : "en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: config.zone,
  });
  setInterval(() => {
    clock.textContent = time.format(new Date());
    if (view.paused) return;
    const left = Math.max(0, view.due - performance.now());
    bar.style.width = `${100 * (1 - left / (config.seconds * 1000))}%`;
    if (left <= 0) turn(view);
  }, 500);
  addControls(view);
  turn(view);
}

startVideoWall(pageConfig());
