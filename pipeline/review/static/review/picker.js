"use strict";
// A select with data-picker becomes a field where any part of a label is typed: accents and case do not count, the options
// of the first group come first, and Enter presses the button that data-picker names. Without this file it stays a select.
(() => {
  const fold = (text) => text.replace(/œ/gi, "oe").replace(/’/g, "'").normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  function read(select) {
    const options = new Map();
    for (const option of select.querySelectorAll("option[value]:not([value=''])")) {
      const group = option.parentElement.label ?? "";
      if (!options.has(option.value)) options.set(option.value, { value: option.value, label: option.label, folded: fold(option.label), group });
    }
    return [...options.values()];
  }

  // Every typed word is in the label; a word of the label that begins so comes before one that holds it.
  function rank(option, words) {
    if (!words.every((word) => option.folded.includes(word))) return -1;
    return words.every((word) => ` ${option.folded.replace(/[^a-z0-9]/g, " ")}`.includes(` ${word}`)) ? 0 : 1;
  }

  function matches(options, typed) {
    const words = fold(typed).split(/\s+/).filter(Boolean);
    if (!words.length) return options;
    const recent = options[0]?.group;
    const ranked = options.map((option) => [rank(option, words) - (option.group === recent ? 0.5 : 0), option]);
    return ranked.filter(([place, option]) => rank(option, words) >= 0 && place < 2).sort((a, b) => a[0] - b[0]).map(([, option]) => option);
  }

  function enhance(select) {
    const options = read(select);
    const picker = document.createElement("div");
    const input = document.createElement("input");
    const list = document.createElement("ul");
    const none = document.createElement("p");
    let shown = [];
    let active = -1;
    picker.className = "picker";
    Object.assign(input, { type: "text", id: `${select.id}-texte`, autocomplete: "off", spellcheck: false, placeholder: select.dataset.hint ?? "" });
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": `${select.id}-liste` })) input.setAttribute(name, value);
    Object.assign(list, { id: `${select.id}-liste`, hidden: true });
    list.setAttribute("role", "listbox");
    Object.assign(none, { className: "none", hidden: true, textContent: select.dataset.none ?? "" });
    none.setAttribute("role", "status");
    const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
    if (label) {
      label.htmlFor = input.id;
      list.setAttribute("aria-label", label.textContent.trim());
    }
    if (select.dataset.focusKey) input.dataset.focusKey = select.dataset.focusKey;
    delete select.dataset.focusKey;
    select.hidden = true;
    const button = document.getElementById(select.dataset.picker);
    if (button) button.hidden = true;

    const item = (i) => document.getElementById(`${list.id}-${i}`);
    function light(i) {
      item(active)?.setAttribute("aria-selected", "false");
      active = i;
      item(active)?.setAttribute("aria-selected", "true");
      item(active)?.scrollIntoView({ block: "nearest" });
      if (active < 0) input.removeAttribute("aria-activedescendant");
      else input.setAttribute("aria-activedescendant", `${list.id}-${active}`);
    }

    function close() {
      list.hidden = none.hidden = true;
      input.setAttribute("aria-expanded", "false");
      light(-1);
    }

    function open() {
      shown = matches(options, input.value);
      list.replaceChildren();
      let group = null;
      shown.forEach((option, i) => {
        if (option.group !== group && !input.value.trim()) {
          const head = document.createElement("li");
          head.setAttribute("role", "presentation");
          head.className = "group";
          head.textContent = group = option.group;
          list.append(head);
        }
        const row = document.createElement("li");
        row.id = `${list.id}-${i}`;
        row.setAttribute("role", "option");
        row.setAttribute("aria-selected", "false");
        row.dataset.i = i;
        row.textContent = option.label;
        list.append(row);
      });
      list.hidden = !shown.length;
      none.hidden = shown.length > 0;
      input.setAttribute("aria-expanded", String(shown.length > 0));
      light(input.value.trim() && shown.length ? 0 : -1);
    }

    function pick(i) {
      if (!shown[i]) return;
      select.value = shown[i].value;
      input.value = shown[i].label;
      close();
      select.dispatchEvent(new Event("change", { bubbles: true }));
      button?.click();
    }

    input.addEventListener("input", open);
    input.addEventListener("focus", open);
    input.addEventListener("click", open);
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        if (list.hidden) open();
        if (shown.length) light((active + step + shown.length + (active < 0 && step < 0 ? 1 : 0)) % shown.length);
      } else if (event.key === "Enter") pick(active);
      else if (event.key === "Escape" && !list.hidden) close();
      else if (event.key === "Escape") {
        input.value = "";
        input.blur();
      }
      else return;
      event.preventDefault();
    });
    // The press, not the click: the field would lose the focus first, and the list be gone.
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const row = event.target.closest("[role=option]");
      if (row) pick(Number(row.dataset.i));
    });
    picker.append(input, list, none);
    select.after(picker);
  }

  const enhanceAll = () => document.querySelectorAll("select[data-picker]:not([hidden])").forEach(enhance);
  document.addEventListener("htmx:load", enhanceAll);
  enhanceAll();
})();
