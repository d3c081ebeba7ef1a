// One draft large, or two to four side by side, with one zoom for all of them; and the details beside them.
"use strict";

if (window.sheet) (() => {
  const s = window.sheet;
  const MAX_SIDE_BY_SIDE = 4, VIEW_PX = 1600, CLICK_PX = 5, SWIPE_PX = 40;
  const large = document.getElementById("large"), details = document.getElementById("details");
  const zoom = { on: false, x: 0.5, y: 0.5 };
  let shown = []; // labels
  let active = 0;

  const mode = () => s.root.dataset.view;
  const press = (act, yes) => s.root.querySelector(`[data-act="${act}"]`)?.setAttribute("aria-pressed", String(yes));

  function pane(label) {
    const { view, width, height } = s.slots.get(label).dataset;
    const figure = document.createElement("figure");
    figure.className = "pane";
    figure.dataset.label = label;
    const image = document.createElement("img");
    image.alt = `Draft ${label}`;
    image.draggable = false;
    image.decoding = "async";
    image.width = Number(width);
    image.height = Number(height);
    image.addEventListener("load", () => figure.classList.remove("is-loading"));
    figure.classList.add("is-loading");
    image.src = view;
    const caption = document.createElement("figcaption");
    figure.append(image, caption);
    return figure;
  }

  function caption(figure) {
    const slot = s.slots.get(figure.dataset.label), text = figure.querySelector("figcaption");
    const { flag, stars } = slot.dataset;
    figure.dataset.flag = flag;
    text.textContent = [figure.dataset.label, { pick: "picked", reject: "rejected" }[flag], "★".repeat(Number(stars))].filter(Boolean).join("  ");
  }

  function draw() {
    const old = new Map([...large.children].map((figure) => [figure.dataset.label, figure]));
    large.replaceChildren(...shown.map((label) => old.get(label) || pane(label)));
    large.className = `panes panes-${shown.length}`;
    [...large.children].forEach((figure, at) => {
      figure.classList.toggle("is-active", shown.length > 1 && at === active);
      caption(figure);
    });
    large.setAttribute("aria-label", shown.length > 1 ? `Compare ${shown.join(", ")}` : `Draft ${shown[0]} large`);
    place();
  }

  function place() {
    for (const figure of large.children) {
      const image = figure.querySelector("img"), width = Number(image.width), height = Number(image.height);
      const { width: wide, height: high } = image.dataset.box ? JSON.parse(image.dataset.box) : box(figure, image);
      const fit = Math.min(wide / width, high / height), scale = zoom.on ? Math.max(1, fit * 2 > 1 && fit >= 1 ? fit * 2 : 1) : fit;
      const shift = (room, length, at) => (length * scale <= room ? (room - length * scale) / 2 : Math.min(0, Math.max(room - length * scale, room / 2 - at * length * scale)));
      image.style.transform = `translate(${shift(wide, width, zoom.x)}px, ${shift(high, height, zoom.y)}px) scale(${scale})`;
      image.dataset.scale = scale;
      const { full, view } = s.slots.get(figure.dataset.label).dataset;
      const wanted = zoom.on && Math.max(width, height) > VIEW_PX ? full : view;
      if (image.getAttribute("src") !== wanted) image.src = wanted;
    }
    s.root.classList.toggle("is-zoomed", zoom.on);
    press("zoom", zoom.on);
  }

  // measured once after each change of size, not at each move
  function box(figure, image) {
    const found = { width: figure.clientWidth, height: figure.clientHeight };
    image.dataset.box = JSON.stringify(found);
    return found;
  }

  function remeasure() {
    for (const image of large.querySelectorAll("img")) delete image.dataset.box;
    if (shown.length) draw();
  }

  function open(view, labels) {
    const had = mode();
    s.root.dataset.view = view;
    shown = labels;
    active = Math.max(0, labels.indexOf(s.current?.dataset.label));
    large.hidden = view === "grid";
    if (view === "grid") { zoom.on = false; large.replaceChildren(); place(); } else remeasure();
    for (const name of ["grid", "loupe", "compare"]) press(name, name === view);
    if (view === "grid") s.go(s.current?.dataset.label);
    else if (had === "grid") large.focus({ preventScroll: true });
    s.keepAddress();
    if (had !== view) s.say({ grid: "Grid", loupe: `${s.current?.dataset.label} large`, compare: `Compare ${labels.join(", ")}` }[view]);
    if (view === "loupe") ahead();
  }

  // the neighbours' pictures are fetched before they are asked for
  function ahead() {
    const order = s.visible(), at = order.indexOf(s.current);
    for (const slot of [order[at + 1], order[at - 1]]) if (slot) new Image().src = slot.dataset.view;
  }

  const grid = () => open("grid", []);
  const loupe = () => (mode() === "loupe" ? grid() : s.current && open("loupe", [s.current.dataset.label]));

  function compare() {
    if (mode() === "compare") return grid();
    let labels = s.visible().map((slot) => slot.dataset.label).filter((label) => s.chosen.has(label));
    if (labels.length > MAX_SIDE_BY_SIDE) board.toast(`The first ${MAX_SIDE_BY_SIDE} of ${labels.length} are compared.`);
    if (labels.length < 2) {
      const order = s.visible(), at = order.indexOf(s.current);
      labels = [order[at], order[at + 1] || order[at - 1]].filter(Boolean).map((slot) => slot.dataset.label);
    }
    if (labels.length < 2) return s.say("There is nothing to compare with");
    labels = labels.slice(0, MAX_SIDE_BY_SIDE);
    if (!labels.includes(s.current?.dataset.label)) s.go(labels[0], { focus: false });
    return open("compare", labels);
  }

  // arrows: in the loupe to the next draft; side by side from one to the other, and up and down to put another there
  function move(key) {
    const by = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    if (mode() === "loupe") return s.step(by);
    if (key === "ArrowLeft" || key === "ArrowRight") {
      active = (active + by + shown.length) % shown.length;
      s.go(shown[active], { focus: false });
      return s.say(s.link(s.current).textContent.replace(/\s+/g, " "));
    }
    const order = s.visible().map((slot) => slot.dataset.label).filter((label) => label === shown[active] || !shown.includes(label));
    const next = order[(order.indexOf(shown[active]) + by + order.length) % order.length];
    shown[active] = next;
    s.go(next, { focus: false });
    return draw();
  }

  function toggleZoom(x = 0.5, y = 0.5) {
    if (mode() === "grid") loupe();
    Object.assign(zoom, { on: !zoom.on, x, y });
    place();
    s.say(zoom.on ? "One to one" : "Whole picture");
  }

  // whatever is current is on show: caps lock, a filter or an undo may go on to a draft that was not
  function beside(label) {
    if (shown.includes(label)) active = shown.indexOf(label);
    else shown[active] = label;
    draw();
  }

  // a finger has no arrow keys
  function swipe(by, dx, dy) {
    if (by === "mouse" || zoom.on || mode() !== "loupe" || Math.abs(dx) < Math.max(SWIPE_PX, 2 * Math.abs(dy))) return;
    s.step(dx < 0 ? 1 : -1);
  }

  let drag = null;
  large.addEventListener("pointerdown", (event) => {
    const figure = event.target.closest(".pane");
    if (!figure || event.button) return;
    if (shown.length > 1) { active = shown.indexOf(figure.dataset.label); s.go(figure.dataset.label, { focus: false }); }
    drag = { figure, x: event.clientX, y: event.clientY, from: { ...zoom }, moved: false };
    large.setPointerCapture(event.pointerId);
  });
  large.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const image = drag.figure.querySelector("img"), scale = Number(image.dataset.scale);
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    drag.moved ||= Math.hypot(dx, dy) > CLICK_PX;
    if (!zoom.on || !drag.moved) return;
    zoom.x = Math.min(1, Math.max(0, drag.from.x - dx / (image.width * scale)));
    zoom.y = Math.min(1, Math.max(0, drag.from.y - dy / (image.height * scale)));
    place();
  });
  large.addEventListener("pointerup", (event) => {
    const was = drag;
    drag = null;
    if (!was) return;
    if (was.moved) return swipe(event.pointerType, event.clientX - was.x, event.clientY - was.y);
    const found = was.figure.querySelector("img").getBoundingClientRect();
    toggleZoom((event.clientX - found.left) / found.width, (event.clientY - found.top) / found.height);
  });
  large.addEventListener("pointercancel", () => { drag = null; });
  large.tabIndex = -1;
  large.setAttribute("role", "group");
  new ResizeObserver(remeasure).observe(large);

  // details: fetched when they are asked for, once for each draft that they are shown for
  let wanted = "", detailed = "";
  async function info(slot) {
    if (details.hidden || !slot) return;
    wanted = slot.dataset.label;
    if (details.firstElementChild?.dataset.label === wanted && details.dataset.version === slot.dataset.version) return;
    try {
      const answer = await fetch(`${s.own("url")}/drafts/${wanted}`, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      const html = await answer.text();
      if (!answer.ok || wanted !== slot.dataset.label) return;
      details.dataset.version = slot.dataset.version;
      // the same again would only take the focus away from whoever reads it
      if (html !== detailed) details.innerHTML = detailed = html;
    } catch { board.toast("The details did not come. Is the network there?", "bad"); }
  }
  function toggleInfo() {
    details.hidden = !details.hidden;
    press("info", !details.hidden);
    info(s.current);
  }

  s.on("current", (slot) => {
    if (mode() === "loupe") { shown = [slot.dataset.label]; draw(); ahead(); s.keepAddress(); }
    if (mode() === "compare") beside(slot.dataset.label);
    info(slot);
  });
  s.on("marked", (slot) => {
    for (const figure of large.children) if (figure.dataset.label === slot.dataset.label) caption(figure);
    if (slot === s.current) info(slot);
  });
  // its place among the others may have changed, which its own version does not tell
  s.on("changed", () => { if (!details.hidden) { delete details.dataset.version; info(s.current); } });
  Object.assign(s, { mode, showGrid: grid, loupe, compare, move, toggleZoom, toggleInfo });
  if (s.start) s.go(s.start, { focus: false, quiet: true });
  if (s.own("opened") && s.current) open("loupe", [s.current.dataset.label]);
})();
