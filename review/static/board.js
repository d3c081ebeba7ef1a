// What every page has beyond HTML: toasts, menus that close, dialogs, forms that are not sent twice.
// Pages with more have their own file. Nothing here is needed to get work done.
"use strict";

const board = {
  csrf: () => document.querySelector('meta[name="csrf-token"]').content,

  // fetch with the form token; answers the Response
  post(url, body) {
    const headers = { "X-CSRF-Token": board.csrf(), "HX-Request": "true" };
    return fetch(url, { method: "POST", body, headers, credentials: "same-origin" });
  },

  toast(text, kind = "info") {
    const made = document.createElement("p");
    made.className = `flash flash-${kind} toast`;
    made.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "icon-button toast-close";
    close.setAttribute("aria-label", "Close this message");
    close.textContent = "×";
    close.addEventListener("click", () => made.remove());
    made.append(close);
    document.getElementById("toasts").append(made);
    if (kind !== "bad") setTimeout(() => made.remove(), 6000);
  },
};
window.board = board;

document.addEventListener("board:flash", (event) => {
  const messages = event.detail.value || event.detail;
  for (const message of Array.isArray(messages) ? messages : []) board.toast(message.text, message.kind);
});
document.addEventListener("htmx:sendError", () => board.toast("The board does not answer. Is the network there?", "bad"));
document.addEventListener("htmx:responseError", (event) => {
  if (!event.detail.xhr.getResponseHeader("HX-Trigger")) board.toast("That did not work. Reload the page and try again.", "bad");
});

// a menu closes with Escape, or with a click elsewhere
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// data-dialog="id" opens a <dialog>; data-close inside closes it
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (dialog) {
      event.preventDefault();
      dialog.showModal();
    }
  }
  const closer = event.target.closest("[data-close]");
  if (closer) closer.closest("dialog")?.close();
});

// a link with data-confirm opens as a dialog with the same words as its page; it turns until they are there
async function ask(opener) {
  if (opener.getAttribute("aria-busy")) return;
  opener.setAttribute("aria-busy", "true");
  const answer = await fetch(opener.href, { headers: { "HX-Request": "true" }, credentials: "same-origin" }).catch(() => null);
  if (!answer || !answer.ok) return location.assign(opener.href);
  document.getElementById("confirm-in").innerHTML = await answer.text();
  opener.removeAttribute("aria-busy");
  document.getElementById("confirm").showModal();
}
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-confirm]");
  // inside a dialog "back" is closing it
  if (event.target.closest("dialog a[data-close]")) event.preventDefault();
  if (!opener || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  ask(opener);
});

// a form that was sent says so, with data-busy in words; coming back to the page makes it usable again
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (!button) return;
  button.setAttribute("aria-busy", "true");
  if (!button.dataset.busy) return;
  // not `disabled`: that would take the focus away from whoever hears the page
  button.setAttribute("aria-disabled", "true");
  button.dataset.idle = button.textContent;
  button.textContent = button.dataset.busy;
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const busy of document.querySelectorAll("button[aria-busy], a[aria-busy]")) {
    busy.removeAttribute("aria-busy");
    if (!("idle" in busy.dataset)) continue;
    busy.removeAttribute("aria-disabled");
    busy.textContent = busy.dataset.idle;
    delete busy.dataset.idle;
  }
});

// the words of a brief that this tab keeps (launch.js) are one person's: gone with the sign-out, or when another comes
function forgetBriefs() {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith("launch:")) sessionStorage.removeItem(key);
}
const visitor = document.querySelector('meta[name="visitor"]')?.content;
if (visitor) {
  if (sessionStorage.getItem("visitor") !== visitor) forgetBriefs();
  sessionStorage.setItem("visitor", visitor);
}
document.addEventListener("submit", (event) => {
  if (event.target.getAttribute("action") === "/sign-out") forgetBriefs();
});

// a brief that was sent (launch.js) is forgotten when its answer is a page, and brought back when it is an error
const sent = sessionStorage.getItem("launch:sent");
if (sent) {
  const [slot, words] = JSON.parse(sent);
  sessionStorage.removeItem("launch:sent");
  const isBack = slot === `launch:${location.pathname}${location.search}`;
  if (isBack || document.querySelector(".error-page")) sessionStorage.setItem(slot, words);
}

document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-select-all]")) event.target.select();
});
