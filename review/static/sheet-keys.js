// Keys as photographers have them in their fingers, and the same as buttons. Nothing happens while somebody types.
"use strict";

if (window.sheet) (() => {
  const s = window.sheet;
  const FIELDS = "textarea, select, input:not([type=checkbox], [type=radio], [type=range], [type=button])";
  const BUTTONS = "button, summary, a:not(.cell), input";
  const switched = document.getElementById("keys-on");
  const keysAreOn = () => !switched || switched.checked;

  const targets = () => (s.mode() === "grid" && s.chosen.size > 1 ? [...s.chosen].map((label) => s.slots.get(label)) : [s.current].filter(Boolean));
  const flag = (value) => s.mark(targets(), { flag: value });
  const acts = {
    pick: () => flag("pick"), reject: () => flag("reject"), unflag: () => flag(""),
    note: () => s.writeNote(s.current), undo: () => s.undo(), grid: () => s.showGrid(), loupe: () => s.loupe(),
    compare: () => s.compare(), zoom: () => s.toggleZoom(), info: () => s.toggleInfo(), stack: () => s.toggleStack(s.current),
    keys: () => document.getElementById("keys").showModal(),
    before: () => leave(s.own("previous")), after: () => leave(s.own("next")),
  };
  for (let stars = 0; stars <= 5; stars += 1) acts[stars] = () => s.mark(targets(), { stars });
  const KEYS = { p: "pick", x: "reject", u: "unflag", n: "note", g: "grid", e: "loupe", " ": "loupe", c: "compare", z: "zoom", i: "info", s: "stack", "?": "keys", "[": "before", "]": "after", k: "before", j: "after" };
  const GOES_ON = new Set(["pick", "reject", "unflag", "0", "1", "2", "3", "4", "5"]);

  const leave = (url) => { if (url) location.assign(url); else s.say("There is no further sheet"); };

  function act(name, goesOn) {
    const at = s.current, order = s.visible(), next = order[order.indexOf(at) + 1];
    acts[name]();
    if (goesOn && GOES_ON.has(name) && next && s.chosen.size < 2) s.go(next.dataset.label, { focus: true });
  }

  function arrows(event) {
    if (s.mode() !== "grid") return s.move(event.key);
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -s.columns(), ArrowDown: s.columns() }[event.key];
    const from = s.current, to = s.step(by);
    if (event.shiftKey && from && to) { s.choose(from.dataset.label, true); s.choose(to.dataset.label, true); }
    else if (s.chosen.size) s.chooseOnly([]);
  }

  function ends(key) {
    const order = s.visible(), to = key === "Home" ? order[0] : order.at(-1);
    if (to) s.go(to.dataset.label);
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]") || event.target.matches(FIELDS)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if ((event.ctrlKey || event.metaKey) && key === "z" && !event.shiftKey) { event.preventDefault(); return act("undo"); }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onControl = event.target.matches(BUTTONS);
    if (key.startsWith("Arrow") && !event.target.matches("input")) { event.preventDefault(); return arrows(event); }
    if ((key === "Home" || key === "End") && !event.target.matches("input")) { event.preventDefault(); return ends(key); }
    if (key === "Escape" && s.mode() !== "grid") return s.showGrid();
    if (key === "Enter" && event.target.closest("#grid")) { event.preventDefault(); return act("loupe"); }
    if (!keysAreOn() || (key === " " && onControl)) return;
    const name = /^[0-5]$/.test(key) ? key : KEYS[key];
    if (!name) return;
    event.preventDefault();
    act(name, event.getModifierState("CapsLock"));
  });

  // a press makes current, with Ctrl or Shift it chooses; twice makes large
  s.grid.addEventListener("click", (event) => {
    const slot = event.target.closest(".slot");
    if (!slot || !s.isDraft(slot)) return;
    event.preventDefault();
    const label = slot.dataset.label;
    if (event.target.closest(".pile")) { s.go(label); return s.toggleStack(slot); }
    if (event.shiftKey && s.current) {
      const order = s.visible(), [from, to] = [order.indexOf(s.current), order.indexOf(slot)].sort((a, b) => a - b);
      for (const one of order.slice(from, to + 1)) s.choose(one.dataset.label, true);
    } else if (event.ctrlKey || event.metaKey) {
      if (!s.chosen.size && s.current !== slot) s.choose(s.current.dataset.label, true);
      s.choose(label, !s.chosen.has(label));
    } else s.chooseOnly([]);
    s.go(label);
  });
  s.grid.addEventListener("dblclick", (event) => { if (event.target.closest(".slot:not(.waiting)")) s.loupe(); });
  s.grid.addEventListener("focusin", (event) => {
    const slot = event.target.closest(".slot");
    if (slot && slot !== s.current) s.go(slot.dataset.label, { focus: false });
  });

  const bar = s.root.querySelector(".acts");
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    // the star that is lit already takes them all away
    if (button) act(button.classList.contains("star") && button.getAttribute("aria-pressed") === "true" ? "0" : button.dataset.act);
  });
  function showCurrent() {
    const { label = "", flag: now = "", stars = 0 } = s.current?.dataset || {};
    s.write(document.getElementById("current"), s.chosen.size > 1 ? `${s.chosen.size} drafts` : label);
    for (const button of bar.querySelectorAll("[data-act=pick], [data-act=reject]")) s.put(button, "aria-pressed", now === button.dataset.act);
    for (const star of bar.querySelectorAll(".star")) {
      star.classList.toggle("is-lit", Number(star.dataset.act) <= Number(stars));
      s.put(star, "aria-pressed", star.dataset.act === String(stars));
    }
  }
  for (const name of ["current", "marked", "chosen"]) s.on(name, showCurrent);
  s.on("focus", () => { if (s.mode() === "grid" && s.current) s.go(s.current.dataset.label); });
  showCurrent();

  if (switched) {
    try { switched.checked = localStorage.getItem("sheet-keys") !== "off"; } catch { /* no storage, keys are on */ }
    switched.addEventListener("change", () => { try { localStorage.setItem("sheet-keys", switched.checked ? "on" : "off"); } catch { /* the same */ } });
  }

  // the promotion's page inside a dialog
  const dialog = document.getElementById("promote-dialog");
  async function showPromotion(query) {
    const answer = await fetch(`${s.own("url")}/promote?${query}`, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (!answer.ok) return location.assign(`${s.own("url")}/promote?${query}`);
    dialog.innerHTML = await answer.text();
    if (!dialog.open) dialog.showModal();
  }
  async function openPromotion(opener) {
    if (opener.getAttribute("aria-busy")) return;
    opener.setAttribute("aria-busy", "true");
    await showPromotion("").catch(() => board.toast("The board does not answer. Is the network there?", "bad"));
    opener.removeAttribute("aria-busy");
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("#promote-dialog [data-close]")) { event.preventDefault(); return; }
    const opener = event.target.closest("#promote");
    if (!opener || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (s.unsavedCount()) return board.toast("Some marks are not saved yet. Try again in a moment.", "bad");
    openPromotion(opener);
  });
  dialog.addEventListener("change", (event) => {
    const asked = event.target.closest("[data-promote-choice]");
    if (asked) showPromotion(new URLSearchParams(new FormData(asked))).catch(() => board.toast("The board does not answer.", "bad"));
  });
})();
