"use strict";
(() => {
  const page = document.documentElement;
  page.dataset.folds = page.dataset.pane = "lire";
  const panes = { lecture: "#lecture", selection: "#poste .upcoming", codes: "#poste .coding" };

  // The panes scroll, not the page: the current passage is brought in sight without moving what is in sight already.
  function reveal(pane, element, margin) {
    if (!pane || !element || pane.scrollHeight <= pane.clientHeight) return;
    const [outer, inner] = [pane.getBoundingClientRect(), element.getBoundingClientRect()];
    const isInSight = inner.top >= outer.top + margin && inner.bottom <= outer.bottom - margin;
    if (!isInSight) pane.scrollTop += inner.top - outer.top - Math.max((outer.height - inner.height) / 3, 0);
  }

  let left = {};
  const shown = () => ({ document: document.getElementById("lecture")?.dataset.document, unit: document.querySelector("#poste .said")?.dataset.unit });
  const scrolls = () => Object.fromEntries(Object.entries(panes).map(([name, selector]) => [name, document.querySelector(selector)?.scrollTop ?? 0]));

  function show() {
    const now = shown();
    for (const [name, selector] of Object.entries(panes)) {
      const pane = document.querySelector(selector);
      const isSame = { lecture: now.document === left.document, selection: true, codes: now.unit === left.unit }[name];
      if (pane && left.scrolls && isSame) pane.scrollTop = left.scrolls[name];
    }
    reveal(document.querySelector(panes.lecture), document.querySelector("#lecture .here"), 24);
    reveal(document.querySelector(panes.selection), document.querySelector("#poste .upcoming li:has([aria-current])"), 8);
    press();
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "poste") left = { ...shown(), scrolls: scrolls() };
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "poste") return;
    if (shown().unit !== left.unit && page.dataset.pane !== "document") page.dataset.pane = "lire";
    show();
  });

  // A code under the pointer or with the focus lights the words that speak for it, and no others.
  function light(row) {
    const said = document.querySelector("#poste .said");
    if (!said) return;
    said.classList.toggle("one", Boolean(row));
    for (const mark of said.querySelectorAll("mark")) mark.classList.toggle("lit", Boolean(row) && mark.dataset.codes.split(" ").includes(row.dataset.number));
  }
  const codeOf = (target) => target.closest?.("#decider .coded li") ?? null;
  let lit = null;
  for (const name of ["mouseover", "focusin"]) document.addEventListener(name, (event) => {
    const row = codeOf(event.target);
    if (row !== lit) light(lit = row);
  });

  // On a narrow screen one pane is shown, chosen by its button.
  function press() {
    for (const button of document.querySelectorAll("#poste [data-pane]")) button.setAttribute("aria-pressed", String(button.dataset.pane === page.dataset.pane));
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#poste button[data-pane]");
    if (!button) return;
    page.dataset.pane = button.dataset.pane;
    show();
  });

  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  document.addEventListener("input", (event) => {
    const list = document.getElementById(event.target.dataset?.filters);
    if (!list) return;
    const words = fold(event.target.value).split(/\s+/).filter(Boolean);
    for (const row of list.querySelectorAll("[data-filtered]")) row.hidden = !words.every((word) => fold(row.textContent).includes(word));
    for (const group of list.querySelectorAll("details.axis")) {
      group.hidden = !group.querySelector("[data-filtered]:not([hidden])");
      group.open = words.length > 0 && !group.hidden;
    }
    list.querySelector(".none").hidden = list.querySelector("details.axis:not([hidden])") !== null;
  });

  // A code is changed in the pane, one at a time; the focus goes in, and back to what opened it.
  const editing = () => document.querySelector("#codes-de-la-grille .code-edit");
  const isChanged = (form) => [...form.elements].some((field) => (field.type === "radio" ? field.checked !== field.defaultChecked : field.tagName === "TEXTAREA" || field.type === "text" ? field.value !== field.defaultValue : false));
  function leave(form) {
    if (isChanged(form) && !window.confirm(form.dataset.leave)) return;
    const opener = form.closest(".entry").querySelector(".edit");
    form.remove();
    opener.focus();
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest(".code-edit .leave")) leave(editing());
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !event.target.closest(".code-edit")) return;
    event.preventDefault();
    leave(editing());
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = editing();
    if (!form || !event.target.matches(".entry .edit")) return;
    event.preventDefault();
    for (const folded of [form.closest("details.axis"), form.closest("details")]) folded.open = true;
    form.querySelector("textarea").focus();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const { target, xhr } = event.detail;
    if (target.matches(".code-slot")) (target.querySelector("[aria-invalid=true], [role=alert]") ?? target.querySelector("[name=definition]")).focus();
    else if (target.id.startsWith("entree-") && xhr.status === 200) document.getElementById(target.id).querySelector(".edit").focus();
  });
  window.addEventListener("beforeunload", (event) => {
    const form = editing();
    if (form && isChanged(form)) event.preventDefault();
  });

  show();
})();
