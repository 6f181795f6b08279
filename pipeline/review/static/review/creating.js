"use strict";
// Says how many fields of a form were changed, and asks before what was typed is left behind.
const watched = document.querySelector("form[data-watched]");

function isChanged(field) {
  if (!field.name || field.type === "hidden") return false;
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.type === "file") return field.files.length > 0;
  if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
}

if (watched) {
  const count = () => [...watched.elements].filter(isChanged).length;
  const told = watched.querySelector(".changes");
  let isSent = false;
  watched.addEventListener("input", () => {
    const n = count();
    if (told && watched.dataset.many) told.textContent = n === 0 ? "" : n === 1 ? watched.dataset.one : watched.dataset.many.replace("{n}", n);
  });
  watched.addEventListener("submit", () => { isSent = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!isSent && count() > 0) event.preventDefault();
  });
}

// Takes one to the first mistake, also within what is folded.
const mistaken = document.querySelector("[aria-invalid=true]");
if (mistaken) {
  mistaken.closest("details")?.setAttribute("open", "");
  mistaken.focus();
}

// A file that is chosen is the answer it belongs to.
for (const input of document.querySelectorAll("[data-ticks]")) {
  input.addEventListener("change", () => { document.getElementById(input.dataset.ticks).checked = true; });
}
