"use strict";
// Keys settle the disagreement that is lit: 1 as the first person coded, 2 as the second, j and k move, m says why,
// Escape leaves the reason.
const apart = [...document.querySelectorAll(".apart")];
const isTypingIn = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
let lit = null;
let isSent = false;

function light(article) {
  if (!article) return;
  lit?.classList.remove("lit");
  lit = article;
  lit.classList.add("lit");
}

function go(article) {
  if (!article) return;
  light(article);
  article.focus({ preventScroll: true });
  article.scrollIntoView({ block: "center" });
}

const commands = {
  j: () => go(apart[apart.indexOf(lit) + 1]),
  k: () => go(apart[apart.indexOf(lit) - 1]),
  m: () => lit.querySelector("[name=why]")?.focus(),
  1: () => settle("1"),
  2: () => settle("2"),
};

function settle(choice) {
  const button = lit.querySelector(`[data-choice="${choice}"]`);
  if (button && !isSent) button.click();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && lit?.contains(event.target)) return lit.focus();
  if (document.body.dataset.keys !== "on" || event.ctrlKey || event.altKey || event.metaKey) return;
  if (!lit || isTypingIn(event.target) || !Object.hasOwn(commands, event.key)) return;
  event.preventDefault();
  commands[event.key]();
});
document.addEventListener("focusin", (event) => light(event.target.closest(".apart")));
document.addEventListener("submit", (event) => { isSent ||= event.target.closest(".apart") !== null; });
window.addEventListener("pageshow", () => { isSent = false; });

const asked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
light(apart.includes(asked) ? asked : apart[0]);
if (lit && lit === asked) lit.scrollIntoView({ block: "center" });
