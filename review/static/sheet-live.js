// What changes while somebody looks: a stream says which versions there are now, and only cells that changed are fetched.
"use strict";

if (window.sheet) (() => {
  const s = window.sheet;
  const AT_A_TIME = 60, ASK_EVERY_MS = 5000, BACK_AFTER_MS = 10000;
  let source = null, known = null, fetching = false, timer = 0, last = s.own("pulse"), isOver = false;

  const status = () => document.getElementById("sheet-status");
  const stale = () => Object.entries(known || {}).filter(([label, version]) => {
    if (label === "*") return status().dataset.version !== version;
    return version !== "waiting" && !s.isWaiting(label) && s.slots.get(label)?.dataset.version !== version;
  }).map(([label]) => label);

  async function refresh() {
    if (fetching) return;
    fetching = true;
    try {
      for (let labels = stale(); labels.length; labels = stale()) {
        const asked = labels.filter((label) => label !== "*").slice(0, AT_A_TIME);
        const before = labels.length;
        const answer = await fetch(`${s.own("url")}/cells?labels=${asked.join(",")}`, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
        if (!answer.ok) break;
        take(await answer.text());
        // versions may be newer than what we were told: the next event settles it
        if (stale().length >= before) break;
      }
    } catch { /* away: the stream comes back by itself and tells again */ }
    fetching = false;
  }

  function take(html) {
    const holder = document.createElement("div");
    holder.innerHTML = html;
    const made = [...holder.querySelector("#cells").children];
    const fresh = made.filter((slot) => merge(slot)).length;
    const next = holder.querySelector("#sheet-status");
    if (!s.unsavedCount()) replaceStatus(next);
    if (fresh) s.order();
    if (made.length) s.filter();
    if (made.length) s.emit("changed");
    if (fresh) s.say(`${fresh} new ${fresh === 1 ? "draft" : "drafts"}, ${s.drafts().length} in all`);
    if (fresh && !s.current) s.go(s.visible()[0]?.dataset.label, { focus: false });
  }

  function replaceStatus(next) {
    const old = status(), had = old.contains(document.activeElement);
    old.replaceWith(next);
    if (had) next.querySelector("a, button")?.focus();
  }

  // true when there was no draft in this place before; the picture, the focus and the choice of an old one stay
  function merge(next) {
    const label = next.dataset.label, old = s.slots.get(label);
    if (!old || !s.isDraft(old)) {
      if (old) old.replaceWith(next); else s.grid.append(next);
      s.adopt(next);
      return true;
    }
    for (const [name, value] of Object.entries(next.dataset)) if (old.dataset[name] !== value) old.dataset[name] = value;
    const cell = s.link(old), fetched = s.link(next);
    // what was marked here looks the same already, and stays
    for (const part of [".meta", ".pile"]) {
      const before = cell.querySelector(part), after = fetched.querySelector(part);
      if (before && after && before.isEqualNode(after)) continue;
      if (before && after) before.replaceChildren(...after.childNodes);
      else if (after) cell.append(after);
      else before?.remove();
    }
    if (s.isWaiting(label)) s.show(old, { ...s.opinion(old), ...s.pending(label) });
    s.emit("marked", old);
    return false;
  }

  function told(versions) {
    known = versions;
    refresh();
  }

  async function ask() {
    clearTimeout(timer);
    try {
      const answer = await fetch(`${s.own("url")}/versions`, { credentials: "same-origin" });
      if (answer.ok) told(await answer.json());
    } catch { /* away; asked again below */ }
    if (!source && !isOver && !document.hidden) timer = setTimeout(ask, ASK_EVERY_MS);
  }

  function open() {
    if (source || isOver || document.hidden) return;
    clearTimeout(timer);
    source = new EventSource(`${s.own("url")}/events?since=${encodeURIComponent(last)}`);
    source.addEventListener("sheet", (event) => {
      last = event.lastEventId || last;
      told(JSON.parse(event.data));
    });
    source.addEventListener("end", () => { isOver = true; close(); });
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // it comes back by itself
      close();
      ask();
      setTimeout(open, BACK_AFTER_MS);
    });
  }

  function close() {
    source?.close();
    source = null;
  }

  // a hidden tab holds no connection: a browser has six for each address
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return close();
    if (isOver) return ask();
    open();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  s.on("status", (version) => { known = { ...known, "*": version }; });
  s.on("saved", refresh);
  open();
})();
