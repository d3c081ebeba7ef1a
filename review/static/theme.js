// The light or dark switch without loading the page again. Without this script the form does the same.
"use strict";
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-theme-form]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const wanted = event.submitter.value;
  document.documentElement.dataset.theme = wanted;
  const body = new URLSearchParams(new FormData(form));
  body.set("theme", wanted);
  // the button that was pressed hides itself: the focus goes to the one in its place
  const other = [...form.querySelectorAll("button")].find((button) => button !== event.submitter);
  if (other) other.focus();
  await fetch(form.action, { method: "POST", body, redirect: "manual" });
});
