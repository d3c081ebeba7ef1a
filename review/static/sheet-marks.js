// Marks: shown at once, saved in order, kept in memory and sent again while the board is away, taken back if refused.
"use strict";

if (window.sheet) (() => {
  const s = window.sheet;
  const MAX_WAITING = 500;
  const FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 15000;
  const WORDS = { pick: "picked", reject: "rejected", "": "unflagged" };
  const BY_YOU = { pick: "picked by you", reject: "rejected by you" };
  const queue = []; // steps: { before, change }, `before` the opinion of each label that it changes; or { undo: true }
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
    if (unsavedCount() + slots.length > MAX_WAITING) return board.toast("Too much is not saved yet. Wait till the board answers again.", "bad");
    const before = new Map();
    for (const slot of slots) {
      const was = opinion(slot);
      if (Object.entries(change).every(([name, value]) => was[name] === value)) continue;
      before.set(slot.dataset.label, was);
      show(slot, { ...was, ...change });
    }
    if (before.size) queue.push({ before, change });
    tell(slots, change);
    s.filter();
    pump();
  }

  function undo() {
    if (!s.own("mayMark")) return null;
    const last = queue.at(-1);
    if (last && !last.undo && !(sending && queue.length === 1)) {
      queue.pop();
      takeBack(last.before);
      return pump();
    }
    queue.push({ undo: true });
    return pump();
  }

  function takeBack(before) {
    for (const [label, was] of before) show(s.slots.get(label), was);
    s.filter();
    const [label, was] = before.entries().next().value;
    s.go(label);
    s.say(`Undone: ${before.size > 1 ? `${before.size} drafts` : `${label} ${WORDS[was.flag]}`}. ${tally()}`);
  }

  function showQueue(isAway) {
    const count = unsavedCount();
    const hide = !(isAway && count);
    if (unsaved.hidden !== hide) unsaved.hidden = hide;
    if (!hide) unsaved.textContent = `${count} ${count === 1 ? "change" : "changes"} not saved yet`;
  }

  async function send(entry) {
    if (entry.undo) return board.post(`${s.own("url")}/undo`, new URLSearchParams());
    return board.post(`${s.own("url")}/marks`, new URLSearchParams([...labels(entry).map((label) => ["label", label]), ...Object.entries(entry.change)]));
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

  const labels = (entry) => [...(entry.before?.keys() || [])];
  const isWaiting = (label) => queue.some((entry) => entry.before?.has(label));
  const unsavedCount = () => queue.reduce((count, entry) => count + (entry.before?.size || 1), 0);

  function keepVersions(told) {
    for (const { label, version } of told.marks) {
      const slot = s.slots.get(label);
      if (slot && !isWaiting(label)) slot.dataset.version = version;
    }
    s.emit("status", told.status_version);
  }

  function saved(entry, told) {
    if (entry.undo) return undone(told);
    keepVersions(told);
  }

  function undone(told) {
    if (!told.marks.length) return board.toast("There is nothing left to undo.");
    const here = decodeURIComponent(s.own("url").split("/").pop()) === told.asset_key;
    if (!here) return board.toast(`Undone on another sheet: ${told.asset_key} ${told.marks.map((one) => one.label).join(", ")}.`);
    const before = new Map(told.marks.filter((one) => s.slots.has(one.label)).map((one) => [one.label, one]));
    if (!before.size) return;
    keepVersions(told);
    takeBack(before);
  }

  function refused(entry, answer) {
    let text = "That was not taken.";
    try { text = JSON.parse(answer.headers.get("HX-Trigger"))["board:flash"][0].text; } catch { /* no sentence came */ }
    board.toast(text, "bad");
    if (entry.undo) return;
    for (const [label, was] of entry.before) {
      for (const later of queue) later.before?.delete(label);
      show(s.slots.get(label), was);
    }
    for (const later of queue.filter((one) => one.before?.size === 0)) queue.splice(queue.indexOf(later), 1);
    s.filter();
    s.say(`${labels(entry).join(", ")}: ${text}`);
  }

  // the stored opinion of somebody whose newest changes are still on their way
  function pending(label) {
    return queue.filter((entry) => entry.before?.has(label)).reduce((all, entry) => ({ ...all, ...entry.change }), {});
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

  Object.assign(s, { mark, undo, writeNote, show, opinion, pending, isWaiting, unsavedCount });
})();
