"use strict";
// The map of a territory: it zooms, and lights one catchment at a time: the one pointed at or focused, else the one chosen.
const MARK_GROWTH = 0.25; // how much of a zoom marks and names follow

function prepareMap(map) {
  if (map.dataset.ready) return;
  const surface = map.querySelector(".surface"), svg = surface.querySelector("svg"), world = svg.querySelector(".world");
  const detail = map.querySelector(".detail"), buttons = [...map.querySelectorAll(".structures button")];
  const told = detail.textContent;
  let chosen = null;

  zoomable(map, surface, { change(view) {
    const [, , width, height] = svg.dataset.box.split(" ").map(Number);
    const across = surface.clientWidth, down = surface.clientHeight, scale = Math.min(across / width, down / height);
    const left = (across - width * scale) / 2, top = (down - height * scale) / 2;
    const x = (view.x + left * (view.scale - 1)) / scale, y = (view.y + top * (view.scale - 1)) / scale;
    world.setAttribute("transform", `translate(${x} ${y}) scale(${view.scale})`);
    for (const mark of world.querySelectorAll(".fixed")) {
      mark.setAttribute("transform", `translate(${mark.dataset.x} ${mark.dataset.y}) scale(${view.scale ** (MARK_GROWTH - 1)})`);
    }
    svg.querySelector(".scale").setAttribute("visibility", view.scale === 1 ? "visible" : "hidden");
  } });

  function light(name) {
    const button = buttons.find((each) => each.dataset.name === name);
    const covered = new Set(button?.dataset.covered.split("|"));
    map.classList.toggle("dimmed", Boolean(button?.dataset.covered));
    for (const mark of svg.querySelectorAll("[data-name]")) mark.classList.toggle("on", mark.dataset.name === name);
    for (const commune of svg.querySelectorAll(".commune")) commune.classList.toggle("lit", covered.has(commune.dataset.commune));
    for (const each of buttons) each.setAttribute("aria-pressed", each.dataset.name === chosen);
    const title = document.createElement("strong");
    title.textContent = button ? button.textContent : "";
    detail.replaceChildren(title, ...(button ? [document.createElement("br"), button.dataset.detail] : [told]));
  }
  for (const mark of [...buttons, ...svg.querySelectorAll(".pin")]) {
    const name = mark.dataset.name;
    for (const kind of ["mouseenter", "focus"]) mark.addEventListener(kind, () => light(name));
    for (const kind of ["mouseleave", "blur"]) mark.addEventListener(kind, () => light(chosen));
  }
  for (const button of buttons) button.addEventListener("click", () => {
    chosen = chosen === button.dataset.name ? null : button.dataset.name;
    light(chosen ?? button.dataset.name);
  });
  map.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    chosen = null;
    light(null);
  });
  map.querySelector("[data-areas]").addEventListener("change", (event) => map.classList.toggle("all-areas", event.target.checked));
  map.dataset.ready = "yes";
}

const prepareMaps = () => document.querySelectorAll(".map.territory").forEach(prepareMap);
prepareMaps();
document.addEventListener("htmx:load", prepareMaps);
