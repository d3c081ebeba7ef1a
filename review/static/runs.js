// A run's page: refetches its live part when the stream says that something changed,
// copies addresses. Without it the page refreshes by itself and every link leads to a page.
"use strict";

(() => {
  const live = document.getElementById("live");
  const spoken = document.getElementById("spoken");
  const QUIET_MS = 400;
  const ASK_EVERY_MS = 10000;
  let timer = 0;
  let busy = false;
  let again = false;
  let source = null;
  let isOver = false;
  let last = live?.dataset.pulse || "";

  function showCopyButtons(within) {
    if (!navigator.clipboard) return;
    for (const button of within.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  }

  // what a person has open or holds in focus stays so
  function replace(html) {
    const held = document.activeElement && live.contains(document.activeElement) ? document.activeElement.id : "";
    const opened = [...live.querySelectorAll("details[open][id]")].map((one) => one.id);
    live.innerHTML = html;
    for (const id of opened) {
      const found = document.getElementById(id);
      if (found) found.open = true;
    }
    if (held) document.getElementById(held)?.focus({ preventScroll: true });
    showCopyButtons(live);
  }

  function progress() {
    const running = [...live.querySelectorAll(".stage-running")].map((stage) =>
      `${stage.querySelector(".stage-title").textContent}: ${stage.querySelector(".stage-count").textContent.trim()}`);
    return running.join("; ") || live.querySelector("h1 .badge")?.textContent || "";
  }

  async function refresh() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(live.dataset.live, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      if (answer.headers.get("HX-Redirect")) location.reload();
      if (answer.ok) {
        const html = await answer.text();
        // the run has begun: its page has more than this one's frame
        if ("starting" in live.dataset && html.includes('class="stages"')) return location.reload();
        const before = progress();
        replace(html);
        if (progress() !== before) spoken.textContent = progress();
      }
    } catch {
      // the next event, or the next look, tries again
    } finally {
      busy = false;
      if (again) {
        again = false;
        soon();
      }
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, QUIET_MS);
  }

  // a hidden tab holds no connection: a browser has six for each address, and a run that waits for a pick waits long
  function watch() {
    if (source || isOver || document.hidden || !window.EventSource) return;
    source = new EventSource(`${live.dataset.live}/events?since=${encodeURIComponent(last)}`);
    source.addEventListener("sheet", (event) => {
      last = event.lastEventId || last;
      soon();
    });
    source.addEventListener("end", () => {
      isOver = true;
      close();
      soon();
    });
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // it comes back by itself
      close();
      soon();
      setTimeout(watch, ASK_EVERY_MS);
    });
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      board.toast("Copied.", "good");
    } catch {
      board.toast("The browser did not let us copy. Select the text instead.", "bad");
    }
  });

  showCopyButtons(document);
  if (live && live.dataset.live) {
    watch();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return close();
      if (isOver) return soon();
      watch();
    });
    window.addEventListener("pagehide", close);
    window.addEventListener("pageshow", watch);
    // a launched run has no row that changes: only Prefect knows how it stands
    // (the same is true of a run that was started again, until it is planned)
    setInterval(() => {
      if ("starting" in live.dataset || live.querySelector("[data-on-its-way]")) soon();
    }, ASK_EVERY_MS / 2);
  }
})();
