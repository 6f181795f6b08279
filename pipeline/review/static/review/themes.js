"use strict";
// Many passages at once: Shift ticks a range, the box of the header the page, and rows are dragged onto a theme, or onto a new one.
// Each is a shorter way to the form below the table, which does the same by itself.
const boxesOf = (table) => [...table.querySelectorAll("tbody [type=checkbox]")];

function tell(table) {
  const boxes = boxesOf(table), n = boxes.filter((box) => box.checked).length;
  const every = table.querySelector(".every"), told = table.closest("form")?.querySelector(".n-checked");
  every.checked = n > 0 && n === boxes.length;
  every.indeterminate = n > 0 && n < boxes.length;
  if (told) told.textContent = n ? `(${n})` : "";
}

function listen(table) {
  let last = null;
  table.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches?.("tbody [type=checkbox]")) return;
    const boxes = boxesOf(table), here = boxes.indexOf(box);
    if (event.shiftKey && last !== null) {
      const [from, to] = [Math.min(last, here), Math.max(last, here)];
      for (const each of boxes.slice(from, to + 1)) each.checked = box.checked;
    }
    last = here;
  });
  table.addEventListener("change", (event) => {
    if (event.target.matches(".every")) for (const box of boxesOf(table)) box.checked = event.target.checked;
    tell(table);
  });
  tell(table);
}

function carry(table) {
  const form = table.closest("form"), targets = form.querySelector(".targets");
  if (!targets) return;
  for (const row of table.tBodies[0].rows) row.draggable = true;
  table.addEventListener("dragstart", (event) => {
    const row = event.target.closest("tr"), box = row.querySelector("[type=checkbox]");
    if (!box.checked) {
      for (const each of boxesOf(table)) each.checked = false;
      box.checked = true;
      tell(table);
    }
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
    targets.hidden = false;
  });
  table.addEventListener("dragend", () => { targets.hidden = true; });
  for (const target of targets.querySelectorAll("[data-into]")) {
    target.addEventListener("dragover", (event) => { event.preventDefault(); target.classList.add("over"); });
    target.addEventListener("dragleave", () => target.classList.remove("over"));
    target.addEventListener("drop", (event) => {
      event.preventDefault();
      targets.hidden = true;
      if (target.dataset.into === "+") return form.elements.nom.focus();
      form.elements.autre.value = target.dataset.into;
      form.querySelector("[value=deplacer]").click();
    });
  }
}

for (const every of document.querySelectorAll("form .members .every")) {
  listen(every.closest("table"));
  carry(every.closest("table"));
}

// Buttons that need so many ticked boxes wait for them.
function wait(button) {
  const ticked = () => document.querySelectorAll(`[name="${button.dataset.counts}"]:checked`).length;
  const update = () => { button.disabled = ticked() < Number(button.dataset.least); };
  document.addEventListener("change", update);
  window.addEventListener("pageshow", update);
  update();
}
for (const button of document.querySelectorAll("[data-counts]")) wait(button);

// Reading a theme by keys, and refusing all that follows.
const choicesOf = (list) => [...list.querySelectorAll('[role="radiogroup"]')].filter((group) => group.checkVisibility());

function choose(group, value) {
  const radio = group.querySelector(`[value="${value}"]`);
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  return radio;
}

document.getElementById("lire")?.addEventListener("keydown", (event) => {
  const group = event.target.closest('[role="radiogroup"]'), value = { o: "oui", n: "non" }[event.key];
  if (!group || !value || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const radio = choose(group, value);
  const groups = choicesOf(event.currentTarget), next = groups[groups.indexOf(group) + 1];
  (next?.querySelector("[type=radio]") ?? radio).focus();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.rest");
  if (!button) return;
  const groups = choicesOf(button.closest("ol"));
  const own = button.closest("li").querySelector('[role="radiogroup"]');
  for (const group of groups.slice(groups.indexOf(own) + 1)) choose(group, "non");
});
