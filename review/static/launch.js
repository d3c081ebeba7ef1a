// The launch form, faster: chips for colours, photos by dropping, errors beside their fields, words kept through a reload.
// The price itself comes by HTMX. Without this file everything is done by the form's buttons.
"use strict";

(() => {
  const form = document.getElementById("launch-form");
  const side = document.getElementById("launch-side");
  if (!form || !side) return;
  const changed = () => form.dispatchEvent(new Event("input", { bubbles: true }));

  // -- palette -------------------------------------------------------------------------------------------------------
  const palette = form.elements.palette;
  const chips = form.querySelector("[data-chips]");
  const colours = () => palette.value.split(",").map((part) => part.trim()).filter(Boolean);

  const swatch = (colour) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("width", "16");
    svg.setAttribute("height", "16");
    svg.setAttribute("aria-hidden", "true");
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ width: 16, height: 16, rx: 4, fill: colour })) rect.setAttribute(name, value);
    svg.append(rect);
    return svg;
  };

  const showChips = () => {
    chips.replaceChildren(...colours().map((colour, at) => {
      const chip = document.createElement("li");
      chip.className = "chip";
      if (CSS.supports("color", colour)) chip.append(swatch(colour));
      const words = document.createElement("span");
      words.textContent = colour;
      const away = document.createElement("button");
      away.type = "button";
      away.textContent = "×";
      away.setAttribute("aria-label", `Take ${colour} out`);
      away.addEventListener("click", () => {
        palette.value = colours().filter((_, other) => other !== at).join(", ");
        showChips();
        palette.focus();
        changed();
      });
      chip.append(words, away);
      return chip;
    }));
  };

  for (const part of form.querySelectorAll("[data-colour], [data-colour-add]")) part.hidden = false;
  form.querySelector("[data-colour-add]").addEventListener("click", () => {
    palette.value = [...colours(), form.querySelector("[data-colour-input]").value].join(", ");
    showChips();
    changed();
  });
  palette.addEventListener("input", showChips);
  // a colour that is being chosen is no change of the brief yet
  form.querySelector("[data-colour-input]").addEventListener("input", (event) => event.stopPropagation());

  // -- photos --------------------------------------------------------------------------------------------------------
  const drop = form.querySelector("[data-drop]");
  const list = form.querySelector("[data-references]");
  const photos = form.elements.photos;

  const upload = async (files) => {
    if (!files.length) return;
    const body = new FormData();
    for (const item of list.children) body.append("references", item.dataset.reference);
    for (const shows of list.querySelectorAll("select")) body.append(shows.name, shows.value);
    for (const file of files) body.append("photos", file);
    drop.setAttribute("aria-busy", "true");
    try {
      const answer = await board.post("/launch/upload", body);
      const said = answer.headers.get("HX-Trigger");
      if (said) for (const one of JSON.parse(said)["board:flash"] || []) board.toast(one.text, one.kind);
      if (answer.ok) list.innerHTML = await answer.text();
      else if (!said) board.toast("The photos were not taken. Are they larger than 20 MB?", "bad");
    } catch {
      board.toast("The board does not answer. Is the network there?", "bad");
    }
    drop.removeAttribute("aria-busy");
    photos.value = "";
    changed();
  };

  drop.querySelector("[data-drop-hint]").hidden = false;
  drop.querySelector("[data-upload]").hidden = true;
  photos.addEventListener("change", () => upload(photos.files));
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("drop-over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("drop-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    upload(event.dataTransfer.files);
  });

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (!button) return;
    event.preventDefault();
    const item = button.closest("li");
    if (button.dataset.move === "remove") {
      (item.nextElementSibling || item.previousElementSibling)?.querySelector("button").focus();
      item.remove();
      if (!list.children.length) photos.focus();
    } else {
      if (button.dataset.move === "up") item.previousElementSibling?.before(item);
      else item.nextElementSibling?.after(item);
      button.focus();
    }
    changed();
  });

  // the draft that the form was opened for is offered again while it is not in the list
  const like = form.querySelector("[data-like]");
  const showLike = () => {
    if (like) like.hidden = [...list.children].some((item) => item.dataset.reference === like.dataset.like);
  };
  form.addEventListener("input", showLike);

  // -- errors beside their fields, and the price told ------------------------------------------------------------------
  const told = form.querySelector("[data-told]");

  const showErrors = () => {
    for (const shown of form.querySelectorAll(".field-error[data-live]")) shown.remove();
    for (const field of form.querySelectorAll(".launch-form .field-wrong")) {
      field.classList.remove("field-wrong");
      field.querySelector(".field-error")?.remove();
      field.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
    }
    for (const item of side.querySelectorAll("[data-errors] [data-field]")) {
      const input = document.getElementById(`field-${item.dataset.field}`);
      const field = input?.closest(".field");
      if (!field) continue;
      const sentence = document.createElement("p");
      sentence.className = "field-error";
      sentence.dataset.live = "";
      sentence.id = `${input.id}-error`;
      sentence.textContent = item.querySelector("span").textContent;
      field.classList.add("field-wrong");
      field.append(sentence);
      const hint = document.getElementById(`${input.id}-hint`);
      input.setAttribute("aria-describedby", [hint && hint.id, sentence.id].filter(Boolean).join(" "));
      input.setAttribute("aria-invalid", "true");
    }
  };

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.target !== side) return;
    showErrors();
    const totals = [...side.querySelectorAll(".totals > div")].map((one) => one.textContent.trim().replace(/\s+/g, " "));
    told.textContent = totals.join(", ");
  });

  // -- Enter in a field asks for the preview here instead of loading the page anew -------------------------------------
  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-preview")) {
      event.preventDefault();
      changed();
      if (event.submitter.classList.contains("visually-hidden")) return;
      side.scrollIntoView({ block: "nearest" });
    } else {
      setAside();
    }
  }, true);

  // -- what was not sent stays through a reload -----------------------------------------------------------------------
  // a page that answers a button has the button's address: its words belong to the form that it came from
  const own = form.elements.brief_id.value;
  const opened = `${location.pathname}${location.search}`;
  const slot = `launch:${form.dataset.keep === "yes" ? opened : own ? `/launch/${own}` : "/launch"}`;
  const skipped = new Set(["csrf_token", "form_id", "quote_hash", "quote_seen", "photos", "references"]);

  const keep = () => {
    const entries = [...new FormData(form)].filter(([name, value]) => !skipped.has(name) && typeof value === "string");
    sessionStorage.setItem(slot, JSON.stringify({ entries, references: list.innerHTML }));
  };

  // sent, and not taken yet: board.js brings it back where the next page is an error, such as a session that had ended
  const setAside = () => {
    keep();
    sessionStorage.setItem("launch:sent", JSON.stringify([slot, sessionStorage.getItem(slot)]));
    sessionStorage.removeItem(slot);
  };

  const restore = () => {
    const kept = form.dataset.keep === "yes" && sessionStorage.getItem(slot);
    if (!kept) return;
    const { entries, references } = JSON.parse(kept);
    const values = new Map();
    for (const [name, value] of entries) values.set(name, [...(values.get(name) || []), value]);
    // the photos first: what each of them shows is a field of its own
    list.innerHTML = references;
    for (const field of form.elements) {
      if (!field.name || skipped.has(field.name) || field.type === "submit") continue;
      const given = values.get(field.name) || [];
      if (field.type === "checkbox" || field.type === "radio") field.checked = given.includes(field.value);
      else if (given.length) field.value = given.shift();
    }
    window.addEventListener("load", changed);
  };

  restore();
  showChips();
  showLike();
  form.addEventListener("input", keep);
})();
