"use strict";
// Memos: Escape closes the panel of the bar, a click elsewhere too unless something is typed; once saved, the focus
// comes back to what opened it.
const openPanel = () => document.querySelector(".memos.compact[open]");
const isTypedIn = (panel) => [...panel.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);

document.addEventListener("keydown", (event) => {
  const panel = openPanel();
  if (event.key !== "Escape" || !panel) return;
  panel.open = false;
  panel.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  const panel = openPanel();
  if (panel && !panel.contains(event.target) && !isTypedIn(panel)) panel.open = false;
});

// Ctrl+Enter saves, as in a mail.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.matches(".memo-form textarea")) return;
  event.preventDefault();
  event.target.form.querySelector("button").click();
});

document.addEventListener("htmx:afterSwap", (event) => {
  const memos = event.detail.elt.closest?.(".memos") ?? event.detail.target.closest?.(".memos");
  if (!memos || !event.detail.requestConfig?.elt.matches?.(".memo-form")) return;
  const shown = document.activeElement === document.body ? document.querySelector(".memos.compact > summary") : null;
  shown?.focus();
});
