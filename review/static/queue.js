// The queue by keyboard: every key presses a button or follows a link that is on the page. HTMX puts the next product in
// place; without it the same forms and links lead through whole pages.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const spoken = byId("spoken");
  let busy = false;
  let byPointer = false;

  const press = { j: "go-next", ArrowRight: "go-next", k: "go-previous", ArrowLeft: "go-previous", a: "do-approve",
    Enter: "do-approve", x: "do-reject", u: "do-undo" };

  function choose(radio) {
    radio.checked = true;
    byId("large").src = radio.dataset.view;
    byId("large-link").href = radio.dataset.view;
    byId("large-link").setAttribute("aria-label", `Draft ${radio.value}, larger`);
    byId("large-name").textContent = radio.value;
    byId("large-said").textContent = radio.dataset.said;
  }

  function isTyping(target) {
    return target.matches("textarea, select, input:not([type=radio], [type=checkbox])") || target.isContentEditable;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target)) {
      // Enter ends the note; what it is a note on is the next key's to say
      if (event.key === "Enter" && event.target.id === "note") event.preventDefault();
      byPointer = false;
      if (event.key === "Enter" && event.target.matches("select[data-submits]")) {
        event.preventDefault();
        return event.target.form.requestSubmit();
      }
      if (event.key === "Escape" || event.key === "Enter") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const onControl = event.target.closest("a, button, summary, [type=radio]");
    // Enter and arrows belong to what has the focus; on a draft, Enter approves it
    if (onControl && event.key === "Enter" && !onControl.matches("[type=radio]")) return;
    if (onControl?.matches("[type=radio]") && event.key.startsWith("Arrow")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^[1-9]$/.test(key)) {
      const radio = byId(`draft-${key}`);
      if (radio) choose(radio);
    } else if (key === "?") {
      byId("legend").showModal();
    } else if (key === "n" && byId("note")) {
      event.preventDefault();
      byId("note").focus();
    } else if (press[key]) {
      event.preventDefault();
      if (!busy) byId(press[key])?.click();
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("input[name=draft]")) choose(event.target);
    // an arrow key must not lead away (WCAG 3.2.2): by keys it is sent with Enter, or the button
    if (event.target.matches("select[data-submits]") && byPointer) event.target.form.requestSubmit();
  });
  document.addEventListener("pointerdown", (event) => { byPointer = event.target.matches("select"); });

  function ready() {
    for (const found of document.querySelectorAll("[data-needs-js]")) found.hidden = false;
    const next = document.querySelector("[data-next]");
    if (next) new Image().src = next.dataset.next;
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id !== "queue") return;
    // one decision at a time: a key that is held down must not decide two products
    if (busy) event.preventDefault();
    busy = true;
  });
  // a success is over when the next product stands there with its forms ready; a failure at once
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.target?.id === "queue" && !event.detail.successful) busy = false;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id !== "queue") return;
    busy = false;
    ready();
    const said = byId("queue-state").dataset.said;
    const title = byId("item-title");
    spoken.textContent = [said, title ? `Now: ${title.textContent}` : "Nothing is left in this list."].filter(Boolean).join(" ");
    title?.focus({ preventScroll: true });
  });

  ready();
})();
