// The contact sheet's core: which draft is current, what is hidden, order, messages. Marks, large views, live changes
// and keys are in sheet-marks.js, sheet-views.js, sheet-live.js and sheet-keys.js. Without any of it forms and links work.
"use strict";

window.sheet = (() => {
  const root = document.getElementById("sheet");
  const grid = document.getElementById("grid");
  if (!root || !grid) return null;
  const tools = document.getElementById("tools");
  const slots = new Map(); // label -> <li>
  const chosen = new Set(); // labels, for compare and for marks of several at once
  const opened = new Set(); // the first label of each stack that stands open
  const bus = new EventTarget();
  let current = "";

  const own = (name) => root.dataset[name] || "";
  const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));
  const on = (name, run) => bus.addEventListener(name, (event) => run(event.detail));
  // what is already there is left alone: on a sheet of hundreds every write may cost a layout
  const put = (element, name, value) => { if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value); };
  const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const say = (text) => write(document.getElementById("said"), text);
  const isDraft = (slot) => Boolean(slot) && !slot.classList.contains("waiting");
  const link = (slot) => slot.querySelector(".cell");
  const drafts = () => [...slots.values()].filter(isDraft);
  const visible = () => [...grid.children].filter((slot) => !slot.hidden && isDraft(slot));

  // a list box with one tab stop; a link inside a list item becomes an option of it
  function adopt(slot) {
    slots.set(slot.dataset.label, slot);
    slot.setAttribute("role", "presentation");
    if (!isDraft(slot)) return;
    const cell = link(slot);
    cell.setAttribute("role", "option");
    cell.setAttribute("aria-selected", String(chosen.has(slot.dataset.label)));
    cell.tabIndex = slot.dataset.label === current ? 0 : -1;
    cell.draggable = false;
  }

  function go(label, { focus = true, quiet = false } = {}) {
    const slot = slots.get(label);
    if (!isDraft(slot)) return;
    const before = slots.get(current);
    if (before) {
      before.classList.remove("is-current");
      if (isDraft(before)) link(before).tabIndex = -1;
    }
    current = label;
    slot.classList.add("is-current");
    link(slot).tabIndex = 0;
    if (!quiet) emit("current", slot);
    // last, after all that writes: focus and scrolling need the layout as it will be
    if (!focus || root.dataset.view !== "grid") return;
    link(slot).focus({ preventScroll: true });
    slot.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const shown = visible();
    const at = shown.findIndex((slot) => slot.dataset.label === current);
    const next = shown[Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : at + by))];
    if (next && next.dataset.label !== current) go(next.dataset.label);
    return next;
  }

  const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

  function choose(label, yes) {
    if (yes) chosen.add(label); else chosen.delete(label);
    const slot = slots.get(label);
    slot.classList.toggle("is-chosen", yes);
    link(slot).setAttribute("aria-selected", String(yes));
    emit("chosen", chosen);
  }

  function chooseOnly(labels) {
    for (const label of [...chosen]) choose(label, false);
    for (const label of labels) choose(label, true);
  }

  // what the grid shows: the same rules as review/sheet_view.py has for the first page
  const field = (name) => tools?.elements[name];
  const view = () => ({ show: field("show")?.value || "all", stars: Number(field("stars")?.value || 0), sort: field("sort")?.value || "label", stacks: Boolean(field("stacks")?.checked), scores: Boolean(field("scores")?.checked) });
  const isPicked = (slot) => slot.dataset.flag === "pick" || Number(slot.dataset.others) > 0;

  function isHidden(slot, asked) {
    const { flag, stars, double } = slot.dataset;
    const fits = { all: true, picked: flag === "pick", anybody: isPicked(slot), unflagged: !flag, rejected: flag === "reject" }[asked.show];
    if (!fits || Number(stars) < asked.stars) return true;
    const filtered = asked.show !== "all" || asked.stars > 0;
    return Boolean(double) && !asked.stacks && !opened.has(double) && !filtered && !isPicked(slot);
  }

  function filter() {
    const asked = view();
    let shown = 0;
    for (const slot of slots.values()) {
      if (isDraft(slot)) {
        const hide = isHidden(slot, asked);
        if (slot.hidden !== hide) slot.hidden = hide;
        // the next key is for what is seen
        if (hide && chosen.has(slot.dataset.label)) choose(slot.dataset.label, false);
        slot.classList.toggle("is-open", Boolean(slot.dataset.stack) && !slot.dataset.double && opened.has(slot.dataset.label));
      }
      if (!slot.hidden) shown += 1;
    }
    const nothing = document.getElementById("nothing");
    if (nothing.hidden !== shown > 0) nothing.hidden = shown > 0;
    if (slots.get(current)?.hidden || !current) {
      const order = [...grid.children], at = order.indexOf(slots.get(current));
      const next = order.slice(at + 1).concat(order.slice(0, Math.max(0, at)).reverse()).find((slot) => !slot.hidden && isDraft(slot));
      if (next) go(next.dataset.label, { focus: grid.contains(document.activeElement) });
    }
  }

  function giveBack(tool) {
    const slot = slots.get(current);
    if (root.dataset.view !== "grid") document.getElementById("large").focus({ preventScroll: true });
    else if (isDraft(slot) && !slot.hidden) go(current);
    else tool.blur();
  }

  const place = (label) => Number(label.slice(1)) * 32 + label.charCodeAt(0);
  // only what stands in a wrong place is moved: a draft that comes in must not move all the others
  function order() {
    const byScore = view().sort === "score";
    const score = (slot) => (byScore && slot.dataset.score ? Number(slot.dataset.score) : -1);
    const sorted = [...slots.values()].sort((a, b) => score(b) - score(a) || place(a.dataset.label) - place(b.dataset.label));
    const had = document.activeElement;
    let next = grid.firstElementChild;
    for (const slot of sorted) {
      // where only `next` is out of place it is passed over, and moved when its turn comes
      if (next && next.nextElementSibling === slot) next = slot;
      if (slot === next) next = next.nextElementSibling;
      else grid.insertBefore(slot, next);
    }
    if (had !== document.activeElement && grid.contains(had)) had.focus({ preventScroll: true });
  }

  function toggleStack(slot) {
    const first = slot?.dataset.double || (slot?.dataset.stack ? slot.dataset.label : "");
    if (!first) return say(`${current} is in no stack`);
    const opens = !opened.delete(first);
    if (opens) opened.add(first);
    if (!opens) go(first);
    filter();
    say(opens ? "Stack open" : "Stack closed");
  }

  function keepAddress() {
    const asked = view(), query = new URLSearchParams();
    if (asked.show !== "all") query.set("show", asked.show);
    if (asked.stars) query.set("stars", asked.stars);
    if (asked.sort !== "label") query.set("sort", asked.sort);
    if (asked.stacks) query.set("stacks", "open");
    if (asked.scores) query.set("scores", "on");
    if (root.dataset.view === "loupe") query.set("draft", current);
    history.replaceState(null, "", `${own("url")}${query.size ? `?${query}` : ""}`);
  }

  // who chose with the mouse goes on with keys at the drafts; who chose with keys stays, for the next arrow
  let byPointer = false;
  tools?.addEventListener("pointerdown", () => { byPointer = true; });
  tools?.addEventListener("keydown", () => { byPointer = false; });

  tools?.addEventListener("change", (event) => {
    if (event.target.type === "range") return;
    opened.clear();
    grid.classList.toggle("with-scores", view().scores);
    order();
    filter();
    keepAddress();
    say(`${visible().length} drafts shown`);
    if (byPointer) giveBack(event.target);
  });
  tools?.addEventListener("submit", (event) => event.preventDefault());

  const size = document.getElementById("tool-size");
  const resize = () => { grid.style.setProperty("--thumb", `${size.value}px`); };
  try { size.value = localStorage.getItem("sheet-size") || size.value; } catch { /* no storage, no memory */ }
  if (size.value !== "200") resize();
  size.addEventListener("input", () => {
    resize();
    try { localStorage.setItem("sheet-size", size.value); } catch { /* the same */ }
  });

  // the form around the grid is for those without scripts; a press on an image never sends it
  document.getElementById("grid-form").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("opened")?.remove();
  grid.setAttribute("role", "listbox");
  grid.setAttribute("aria-multiselectable", "true");
  grid.setAttribute("aria-orientation", "horizontal");
  for (const slot of grid.children) adopt(slot);
  for (const part of root.querySelectorAll("[data-script]")) part.hidden = false;
  const anchor = location.hash.startsWith("#draft-") ? location.hash.slice(7) : "";
  const start = [own("opened"), anchor, visible()[0]?.dataset.label].find((label) => isDraft(slots.get(label)));

  return { root, grid, slots, chosen, own, emit, on, put, write, say, isDraft, link, drafts, visible, adopt, go, step, columns, choose, chooseOnly, filter, order, toggleStack, keepAddress, start, get current() { return slots.get(current); } };
})();
