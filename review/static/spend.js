// Numbers that keep up: the part with data-pulse asks each second whether anything changed, and is replaced if so.
// Without this script the page shows the numbers of the moment when it was loaded.
"use strict";
(() => {
  const EACH_MS = 1000, LONGEST_MS = 30000;
  let failures = 0;

  const says = (text) => {
    const place = document.querySelector("[data-pulse-says]");
    if (place && place.textContent !== text) place.textContent = text;
  };

  // what a person has open or focused stays so
  function replace(old, made) {
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    for (const was of old.querySelectorAll("details[id][open]")) {
      const now = made.querySelector(`#${CSS.escape(was.id)}`);
      if (now) now.open = true;
    }
    const scrolled = [...old.querySelectorAll(".table-wrap")].map((wrap) => wrap.scrollLeft);
    old.replaceWith(made);
    made.querySelectorAll(".table-wrap").forEach((wrap, n) => { wrap.scrollLeft = scrolled[n] || 0; });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  async function beat(live) {
    const began = performance.now();
    const url = new URL(live.dataset.pulse, location.href);
    url.searchParams.set("version", live.dataset.version);
    const answer = await fetch(url, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (answer.status === 401) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    if (failures) says("The board answers again: these numbers are kept up to date.");
    failures = 0;
    if (answer.status === 200) {
      const made = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-pulse]");
      if (made) replace(live, document.adoptNode(made));
    }
    for (const on of document.querySelectorAll("[data-pulse-on]")) on.hidden = false;
    return performance.now() - began;
  }

  async function go() {
    const live = document.querySelector("[data-pulse]");
    let wait = EACH_MS;
    if (live && document.visibilityState === "visible") {
      try {
        // numbers that take long to add up are asked for less often
        wait = Math.max(EACH_MS, 5 * (await beat(live)) || 0);
      } catch {
        failures += 1;
        wait = Math.min(LONGEST_MS, EACH_MS * 2 ** failures);
        says("The board does not answer: these numbers are no longer kept up to date.");
      }
    }
    setTimeout(go, wait);
  }
  setTimeout(go, EACH_MS);
})();
