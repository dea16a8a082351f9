/* A wall: pages shown in turn in two frames, the next one made ready behind the present one. Each turn loads
   its page anew, so that nothing grows over days; a service that is away leaves the present page standing. */
(function (global) {
  "use strict";

  const READY_MS = 60000; // longer is no page that will come

  function wall(config) {
    const t = config.t;
    const frames = [document.getElementById("one"), document.getElementById("two")];
    const told = document.getElementById("told");
    const bar = document.getElementById("bar");
    const clock = document.getElementById("clock");
    const pause = document.getElementById("pause");
    let at = -1;
    let front = 1;
    let paused = false;
    let due = 0;
    let turning = false;
    const when = new Intl.DateTimeFormat(config.language === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: config.zone });

    async function alive() {
      try {
        const answer = await fetch("/readyz", { cache: "no-store" });
        return answer.ok;
      } catch {
        return false;
      }
    }

    // Whether a page has come, or the sign-in in its place: "ready", "ended", or "away" after a while.
    function outcome(frame) {
      return new Promise((resolve) => {
        const begun = performance.now();
        const look = setInterval(() => {
          const page = frame.contentDocument;
          const ended = page && page.location.pathname === "/sign-in";
          const done = page && page.body && page.body.dataset.ready === "true";
          if (!done && !ended && performance.now() - begun < READY_MS) return;
          clearInterval(look);
          resolve(ended ? "ended" : done ? "ready" : "away");
        }, 200);
      });
    }

    async function turn() {
      if (turning || !config.pages.length) return;
      turning = true;
      try {
        if (!(await alive())) {
          told.textContent = t.wall_away;
          due = performance.now() + 5000;
          return;
        }
        const next = (at + 1) % config.pages.length;
        const frame = frames[1 - front];
        frame.src = "about:blank";
        await new Promise((resolve) => { setTimeout(resolve, 50); });
        frame.src = config.pages[next];
        const found = await outcome(frame);
        if (found !== "ready") {
          told.textContent = found === "ended" ? t.wall_ended : t.wall_away;
          due = performance.now() + (found === "ended" ? 60000 : 5000);
          at = next;
          return;
        }
        at = next;
        front = 1 - front;
        frames[front].classList.add("shown");
        frames[1 - front].classList.remove("shown");
        setTimeout(() => { if (!turning) frames[1 - front].src = "about:blank"; }, 1500);
        told.textContent = "";
        due = performance.now() + config.seconds * 1000;
        document.body.dataset.turns = String(Number(document.body.dataset.turns || 0) + 1);
        document.body.dataset.shown = config.pages[at];
      } finally {
        turning = false;
      }
    }

    setInterval(() => {
      clock.textContent = when.format(new Date());
      if (paused) return;
      const left = Math.max(0, due - performance.now());
      bar.style.width = `${100 * (1 - left / (config.seconds * 1000))}%`;
      if (left <= 0) turn();
    }, 500);
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? t.play : t.pause;
      if (!paused) due = performance.now() + config.seconds * 1000;
    });
    document.getElementById("next").addEventListener("click", turn);
    document.getElementById("full").addEventListener("click", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else document.documentElement.requestFullscreen();
    });
    turn();
  }

  global.gridcover = Object.assign(global.gridcover || {}, { wall });
})(window);
