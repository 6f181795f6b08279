"use strict";
// Single keys act in the order in which they were typed: each waits until the page shows what the one before it did.
const waiting = [];
let isBusy = false;
let failed = null;

const isTyping = (target) => target.closest("input, textarea, select, [contenteditable], dialog[open]") !== null;
const areKeysOn = () => document.body.dataset.keys === "on";
const knownKeys = "v123456789ujkdm";

document.addEventListener("keydown", (event) => {
  if (!areKeysOn() || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
  if (event.key === "?") return open("aide", event);
  if (event.key === "/") return focus(document.getElementById("recherche"), event);
  const field = fieldOf(event.key);
  if (field && !isBusy) return focus(field, event);
  const isForField = waiting.some(fieldOf) && event.key.length === 1;
  if (!(knownKeys.includes(event.key) || field || isForField) || !document.getElementById("poste")) return;
  event.preventDefault();
  waiting.push(event.key);
  drain();
});

// A ticked box is no answer yet: Enter there would press the first button that is not disabled.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("[type=checkbox], [type=radio]")) event.preventDefault();
});

function fieldOf(key) {
  return document.querySelector(`[data-focus-key="${CSS.escape(key)}"]`);
}

function open(name, event) {
  const dialog = document.getElementById(name);
  if (!dialog) return;
  event.preventDefault();
  dialog.showModal();
}

function focus(element, event) {
  event?.preventDefault();
  const details = element.closest("details");
  if (details) details.open = true;
  element.focus();
}

// What was typed for a field while the page was busy goes into it.
function fill(field, text) {
  focus(field);
  if (!text || !field.matches("input, textarea")) return;
  field.value += text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

async function drain() {
  if (isBusy || failed) return;
  isBusy = true;
  while (waiting.length > 0) {
    const key = waiting.shift();
    const field = fieldOf(key);
    if (field) {
      fill(field, waiting.splice(0).join(""));
      continue;
    }
    const element = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (element?.matches("summary")) openToType(element);
    else if (element && !element.disabled) await act(element);
  }
  isBusy = false;
}

// What is typed after the key that opens a field is its text.
function openToType(summary) {
  waiting.length = 0;
  summary.parentElement.open = true;
  [...summary.parentElement.querySelectorAll("textarea")].pop()?.focus();
}

function act(element) {
  const sender = element.form ?? element;
  return new Promise((resolve) => {
    const ended = (event) => {
      if (event.detail.requestConfig.elt !== sender) return;
      document.removeEventListener("htmx:afterRequest", ended);
      if (!event.detail.successful) waiting.length = 0;
      resolve();
    };
    document.addEventListener("htmx:afterRequest", ended);
    element.click();
  });
}

// What could not be sent stays in its form, under the same request number: sent again, it counts once.
function fails(event) {
  failed = event.detail.requestConfig.elt;
  failed.dataset.gesture = event.detail.requestConfig?.parameters?.geste ?? "";
  document.getElementById("panne").hidden = false;
  document.getElementById("reessayer").focus();
}
document.addEventListener("htmx:sendError", fails);
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status >= 500) fails(event);
  else window.location.reload();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) open(opener.dataset.opens, event);
  if (event.target.id !== "reessayer" || !failed) return;
  const form = failed;
  failed = null;
  document.getElementById("panne").hidden = true;
  const button = [...(form.elements ?? [])].find((element) => element.value === form.dataset.gesture);
  (button ?? form).click();
});

// The bench is another one after each decision. Focus stays on the same button while the same passage is shown, and goes to
// the title of the passage that comes next; it stays where it is when it was elsewhere, as in the search field.
let before = null;
const shownUnit = () => document.querySelector("#poste .said")?.dataset.unit;
document.addEventListener("htmx:beforeSwap", (event) => {
  const active = document.activeElement;
  if (event.detail.target.id !== "poste") return;
  before = { unit: shownUnit(), id: active.id, isInside: event.detail.target.contains(active), isNowhere: active === document.body };
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "poste" || before === null) return;
  const same = before.id && document.getElementById(before.id);
  if (shownUnit() === before.unit) {
    if (before.isInside) (same && !same.disabled ? same : document.getElementById("passage-titre")).focus();
  } else if (before.isInside || before.isNowhere) document.getElementById("passage-titre").focus();
  before = null;
});

// A page that comes with a message was asked for by a decision: it is read first.
document.querySelector("#annonce .message")?.parentElement.focus();

document.addEventListener("submit", (event) => {
  const needed = event.submitter?.dataset.needs;
  const field = needed && document.getElementById(needed);
  if (field && !field.value) {
    event.preventDefault();
    event.stopImmediatePropagation();
    field.focus();
  }
}, true);

// A proposed name fills the form; nothing is decided until it is sent.
document.addEventListener("click", (event) => {
  const chosen = event.target.closest("button[data-title]");
  if (!chosen) return;
  chosen.form.elements.nom.value = chosen.dataset.title;
  chosen.form.elements.enonce.value = chosen.dataset.statement;
  chosen.form.elements.nom.focus();
});

// --- what files, runs and other people change: the parts marked data-live, asked for again together

document.addEventListener("input", (event) => event.target.closest("[data-live] details")?.setAttribute("data-typed", ""));

async function renew() {
  const answer = await fetch(window.location.href, { redirect: "manual" }).catch(() => null); // no connection: next time
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]:not([data-live] [data-live])")) renewPart(part, page);
}

// What somebody is typing stays; so do what is open and the focus.
function renewPart(part, page) {
  const fresh = page.getElementById(part.id);
  if (!fresh) return;
  if (part.querySelector("details[open][data-typed]")) return part.querySelectorAll("[data-live]").forEach((inside) => renewPart(inside, page));
  const focused = part.contains(document.activeElement) && document.activeElement.id;
  const opened = [...part.querySelectorAll("details[open] > summary[id]")].map((summary) => summary.id);
  part.replaceWith(fresh);
  htmx.process(fresh);
  for (const id of opened) document.getElementById(id)?.parentElement.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus();
}

// A part that asked again and again stops once its work has ended.
document.addEventListener("htmx:afterSwap", (event) => {
  const asked = event.detail.requestConfig?.elt;
  if (!asked?.getAttribute("hx-trigger")?.startsWith("every")) return;
  if (!document.getElementById(asked.id)?.hasAttribute("hx-trigger")) renew();
});
