// Marks: shown at once, saved in order, kept in memory and sent again while the board is away, taken back if refused.
"use strict";

if (window.sheet) (() => {
  const s = window.sheet;
  const MAX_WAITING = 500;
  const FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 15000;
  const WORDS = { pick: "picked", reject: "rejected", "": "unflagged" };
  const BY_YOU = { pick: "picked by you", reject: "rejected by you" };
  const queue = []; // { label, before, change } or { undo: true }
  const unsaved = document.getElementById("unsaved");
  let sending = false, timer = 0, waitMs = FIRST_WAIT_MS;

  const opinion = (slot) => ({ flag: slot.dataset.flag, stars: Number(slot.dataset.stars), note: slot.dataset.note });
  const picks = () => s.drafts().filter((slot) => slot.dataset.flag === "pick").length;
  const tally = () => `${picks()} of ${s.drafts().length} picked`;
  const starWords = (stars) => `${stars} ${stars === 1 ? "star" : "stars"}`;

  function span(className, ...inside) {
    const made = document.createElement("span");
    if (className) made.className = className;
    made.append(...inside);
    return made;
  }

  // the same words as templates/sheets/_cell.html has for the first page
  function words({ flag, stars, note }) {
    const made = [];
    if (flag) made.push(span("flag-word visually-hidden", BY_YOU[flag]));
    if (stars) {
      const drawn = span("", "★".repeat(stars));
      drawn.setAttribute("aria-hidden", "true");
      made.push(span("stars", span("visually-hidden", starWords(stars)), drawn));
    }
    if (note) {
      made.push(span("noted", span("visually-hidden", "has your note")));
      made.at(-1).title = note;
    }
    return made;
  }

  function show(slot, { flag, stars, note }) {
    s.put(slot, "data-flag", flag);
    s.put(slot, "data-stars", stars);
    s.put(slot, "data-note", note);
    for (const old of slot.querySelectorAll(".flag-word, .stars, .noted")) { old.previousSibling.remove(); old.remove(); }
    slot.querySelector(".name").after(...words({ flag, stars, note }).flatMap((word) => [" ", word]));
    const count = document.getElementById("my-picks");
    if (count) s.write(count, tally());
    s.emit("marked", slot);
  }

  function tell(slots, change) {
    const who = slots.length === 1 ? slots[0].dataset.label : `${slots.length} drafts`;
    if ("flag" in change) s.say(`${who} ${WORDS[change.flag]}. ${tally()}`);
    else if ("stars" in change) s.say(`${who}: ${change.stars ? starWords(change.stars) : "no stars"}`);
    else s.say(`Note on ${who} kept`);
  }

  function mark(slots, change) {
    if (!s.own("mayMark") || !slots.length) return;
    if (queue.length + slots.length > MAX_WAITING) return board.toast("Too much is not saved yet. Wait till the board answers again.", "bad");
    for (const slot of slots) {
      const before = opinion(slot);
      if (Object.entries(change).every(([name, value]) => before[name] === value)) continue;
      queue.push({ label: slot.dataset.label, before, change });
      show(slot, { ...before, ...change });
    }
    tell(slots, change);
    s.filter();
    pump();
  }

  function undo() {
    if (!s.own("mayMark")) return null;
    const last = queue.at(-1);
    if (last && !last.undo && !(sending && queue.length === 1)) {
      queue.pop();
      takeBack(last);
      return pump();
    }
    queue.push({ undo: true });
    return pump();
  }

  function takeBack(entry) {
    const slot = s.slots.get(entry.label);
    show(slot, entry.before);
    s.filter();
    s.go(entry.label);
    s.say(`Undone: ${entry.label} ${WORDS[entry.before.flag]}. ${tally()}`);
  }

  function showQueue(isAway) {
    const count = queue.length;
    const hide = !(isAway && count);
    if (unsaved.hidden !== hide) unsaved.hidden = hide;
    if (!hide) unsaved.textContent = `${count} ${count === 1 ? "change" : "changes"} not saved yet`;
  }

  async function send(entry) {
    if (entry.undo) return board.post(`${s.own("url")}/undo`, new URLSearchParams());
    return board.post(`${s.own("url")}/marks`, new URLSearchParams({ label: entry.label, ...entry.change }));
  }

  async function pump() {
    if (sending || !queue.length) return;
    clearTimeout(timer);
    sending = true;
    let answer = null;
    try { answer = await send(queue[0]); } catch { /* the network is away: below */ }
    sending = false;
    if (!answer || answer.status >= 500 || answer.status === 429 || answer.status === 401) return later(answer);
    waitMs = FIRST_WAIT_MS;
    const entry = queue.shift();
    if (answer.ok) saved(entry, await answer.json());
    else refused(entry, answer);
    showQueue(!unsaved.hidden);
    if (queue.length) return pump();
    s.emit("saved");
  }

  function later(answer) {
    if (answer?.status === 401 && waitMs === FIRST_WAIT_MS) board.toast("You were signed out. Sign in again in another tab: what you marked is kept here.", "bad");
    showQueue(true);
    timer = setTimeout(pump, waitMs);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }

  const isWaiting = (label) => queue.some((entry) => entry.label === label);

  function saved(entry, told) {
    if (entry.undo) return undone(told);
    const slot = s.slots.get(entry.label);
    if (slot && !isWaiting(entry.label)) slot.dataset.version = told.version;
    s.emit("status", told.status_version);
  }

  function undone(told) {
    if (!told.label) return board.toast("There is nothing left to undo.");
    const here = decodeURIComponent(s.own("url").split("/").pop()) === told.asset_key;
    if (!here) return board.toast(`Undone on another sheet: ${told.asset_key} ${told.label}.`);
    const slot = s.slots.get(told.label);
    if (!slot) return;
    slot.dataset.version = told.version;
    s.emit("status", told.status_version);
    takeBack({ label: told.label, before: told });
  }

  function refused(entry, answer) {
    let text = "That was not taken.";
    try { text = JSON.parse(answer.headers.get("HX-Trigger"))["board:flash"][0].text; } catch { /* no sentence came */ }
    board.toast(text, "bad");
    if (entry.undo) return;
    for (const other of queue.filter((waiting) => waiting.label === entry.label)) queue.splice(queue.indexOf(other), 1);
    const slot = s.slots.get(entry.label);
    if (!slot) return;
    show(slot, entry.before);
    s.filter();
    s.say(`${entry.label}: ${text}`);
  }

  // the stored opinion of somebody whose newest changes are still on their way
  function pending(label) {
    return queue.filter((entry) => entry.label === label).reduce((all, entry) => ({ ...all, ...entry.change }), {});
  }

  window.addEventListener("online", () => { waitMs = FIRST_WAIT_MS; pump(); });
  window.addEventListener("beforeunload", (event) => { if (queue.length) event.preventDefault(); });
  const dialog = document.getElementById("note");
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "save") mark([s.slots.get(dialog.dataset.label)], { note: document.getElementById("note-text").value.trim() });
    s.emit("focus");
  });
  function writeNote(slot) {
    if (!slot || !s.own("mayMark")) return;
    dialog.dataset.label = slot.dataset.label;
    dialog.returnValue = "";
    document.getElementById("note-label").textContent = slot.dataset.label;
    document.getElementById("note-text").value = slot.dataset.note;
    dialog.showModal();
  }

  Object.assign(s, { mark, undo, writeNote, show, opinion, pending, isWaiting, unsavedCount: () => queue.length });
})();
