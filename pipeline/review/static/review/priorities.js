"use strict";
// Each slider and its number field say the same; the number field is what is sent.
for (const slider of document.querySelectorAll("input[type=range][data-twin]")) {
  const field = document.getElementById(slider.dataset.twin);
  slider.hidden = false;
  slider.addEventListener("input", () => { field.value = slider.value; });
  field.addEventListener("input", () => { if (field.validity.valid) slider.value = field.value; });
}

// What was open stays open when the ranking comes anew, and the focus stays on its theme.
const openBefore = new Set();
let focusBefore = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "classement") return;
  openBefore.clear();
  for (const shown of event.detail.target.querySelectorAll("details[open]")) openBefore.add(shown.id);
  focusBefore = event.detail.target.contains(document.activeElement) ? document.activeElement.closest("details")?.id ?? null : null;
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of openBefore) document.getElementById(id)?.setAttribute("open", "");
  if (focusBefore) document.getElementById(focusBefore)?.querySelector("summary").focus();
  focusBefore = null;
});
