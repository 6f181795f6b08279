"use strict";
// The map of passages: a dot a passage on a canvas, names that stay apart, a search that lights dots, and a zone drawn around some.
// A name over the map is a link; the table under it has every passage for who does not see the dots.
const MAX_CORNERS = 64, CLOSE = 2.2, HOVER_REACH = 10;

const frame = document.getElementById("carte");
const surface = frame.querySelector(".surface"), canvas = surface.querySelector("canvas"), names = surface.querySelector(".names");
const tip = surface.querySelector(".tip"), said = frame.querySelector(".said-of-map"), clear = frame.querySelector("[data-clear]");
const zoneButton = frame.querySelector("[data-zone]"), search = frame.querySelector("[type=search]");
const brush = canvas.getContext("2d");
const words = new Map(); // of passages, as the server sent them
let dots = null, base = null, sprites = [], lit = null, drawnZone = [], over = -1;

const passagesInWords = (n) => (n === 1 ? frame.dataset.one : frame.dataset.several).replace("0", n.toLocaleString("fr"));

function fit() {
  const width = surface.clientWidth, height = surface.clientHeight, margin = 24, ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const [left, right, low, high] = dots.bounds;
  const scale = Math.min((width - 2 * margin) / Math.max(right - left, 1), (height - 2 * margin) / Math.max(high - low, 1));
  base = { scale, x: (width - (right + left) * scale) / 2, y: (height + (high + low) * scale) / 2, ratio };
}
const xOf = (x) => (x * base.scale + base.x) * zoomed.view.scale + zoomed.view.x;
const yOf = (y) => (base.y - y * base.scale) * zoomed.view.scale + zoomed.view.y;
const onGrid = ([x, y]) => [
  Math.round(((x - zoomed.view.x) / zoomed.view.scale - base.x) / base.scale),
  Math.round((base.y - (y - zoomed.view.y) / zoomed.view.scale) / base.scale),
].map((each) => Math.min(dots.grid, Math.max(0, each)));

// A dot of each group, as large as asked for, drawn once and copied.
function makeSprites(size) {
  const wanted = `${size} ${base.ratio} ${getComputedStyle(surface).color}`;
  if (sprites.wanted === wanted) return;
  const colours = [...frame.querySelectorAll(".legend svg")].map((swatch) => getComputedStyle(swatch).color);
  const edge = getComputedStyle(surface).backgroundColor, side = Math.ceil(2 * (size + 2) * base.ratio);
  sprites = dots.shapes.map((shape, i) => {
    const sprite = document.createElement("canvas");
    sprite.width = sprite.height = side;
    const each = sprite.getContext("2d"), path = new Path2D(shape);
    each.translate(side / 2, side / 2);
    each.scale((size / 5.6) * base.ratio, (size / 5.6) * base.ratio);
    each.strokeStyle = edge;
    each.lineWidth = 1.6;
    each.stroke(path);
    each.fillStyle = colours[i];
    each.fill(path);
    return sprite;
  });
  Object.assign(sprites, { wanted, side: side / base.ratio });
}

const sizeNow = () => {
  const n = dots.ids.length, first = n > 8000 ? 2.2 : n > 2500 ? 3 : n > 700 ? 4.2 : 5.6;
  return Math.round(2 * Math.min(9, first * zoomed.view.scale ** 0.35)) / 2;
};

function draw() {
  if (!dots) return;
  makeSprites(sizeNow());
  const { clientWidth: width, clientHeight: height } = surface, half = sprites.side / 2;
  brush.setTransform(base.ratio, 0, 0, base.ratio, 0, 0);
  brush.clearRect(0, 0, width, height);
  const copy = (isLit) => {
    for (let i = 0; i < dots.ids.length; i++) {
      if (lit && lit[i] !== isLit) continue;
      const x = xOf(dots.x[i]), y = yOf(dots.y[i]);
      if (x > -half && y > -half && x < width + half && y < height + half) brush.drawImage(sprites[dots.groups[i]], x - half, y - half, sprites.side, sprites.side);
    }
  };
  if (lit) {
    brush.globalAlpha = 0.18;
    copy(0);
    brush.globalAlpha = 1;
  }
  copy(1);
  if (drawnZone.length > 1) {
    brush.beginPath();
    for (const corner of drawnZone) brush.lineTo(xOf(corner[0]), yOf(corner[1]));
    brush.closePath();
    brush.strokeStyle = getComputedStyle(surface).color;
    brush.lineWidth = 2;
    brush.setLineDash([6, 4]);
    brush.stroke();
    brush.setLineDash([]);
  }
  placeNames(width, height);
}

// The largest first; a name that would lie over another waits for a closer view. Families are named from afar, themes from near.
function placeNames(width, height) {
  const taken = [], isFar = zoomed.view.scale < CLOSE && dots.names.some((each) => each.is_family);
  for (const name of dots.names) {
    const x = xOf(name.x), y = yOf(name.y), [w, h] = name.size;
    const box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
    const isRoom = Boolean(name.is_family) === isFar && box[0] > 0 && box[1] > 0 && box[2] < width && box[3] < height
      && taken.every((other) => box[0] > other[2] || other[0] > box[2] || box[1] > other[3] || other[1] > box[3]);
    name.link.hidden = !isRoom;
    if (!isRoom) continue;
    taken.push(box);
    name.link.style.transform = `translate(${box[0].toFixed(1)}px, ${box[1].toFixed(1)}px)`;
  }
}

function middle(values) {
  values.sort((one, other) => one - other);
  return values[values.length >> 1];
}

function makeNames() {
  for (const name of dots.names) {
    const shown = new Set(name.shown), at = [];
    dots.themes.forEach((theme, i) => { if (shown.has(theme)) at.push(i); });
    if (at.length === 0) continue;
    name.x = middle(at.map((i) => dots.x[i]));
    name.y = middle(at.map((i) => dots.y[i]));
    name.link = document.createElement("a");
    name.link.href = name.address;
    name.link.textContent = name.label;
    name.link.title = name.words;
    name.link.setAttribute("aria-label", name.words);
    name.link.className = name.is_family ? "family-name" : "theme-name";
    names.append(name.link);
    name.size = [name.link.offsetWidth + 6, name.link.offsetHeight + 2];
  }
  dots.names = dots.names.filter((name) => name.link).sort((one, other) => other.n - one.n);
}

// A zone has whole numbers for corners, few enough for an address; the server counts what it holds in the same way.
function simplified(corners, reach) {
  if (corners.length < 3) return corners;
  const [x1, y1] = corners[0], [x2, y2] = corners.at(-1), length = Math.hypot(x2 - x1, y2 - y1);
  let far = 0, at = 0;
  corners.forEach(([x, y], i) => {
    const gap = length ? Math.abs((x - x1) * (y2 - y1) - (y - y1) * (x2 - x1)) / length : Math.hypot(x - x1, y - y1);
    if (gap > far) [far, at] = [gap, i];
  });
  if (far <= reach) return [corners[0], corners.at(-1)];
  return [...simplified(corners.slice(0, at + 1), reach).slice(0, -1), ...simplified(corners.slice(at), reach)];
}

function isInside(x, y, corners) {
  let inside = false;
  for (let i = 0; i < corners.length; i++) {
    const [x1, y1] = corners[i], [x2, y2] = corners[(i + 1) % corners.length];
    if (y1 > y === y2 > y) continue;
    const side = (x - x1) * (y2 - y1) - (y - y1) * (x2 - x1);
    if (y2 > y1 ? side < 0 : side > 0) inside = !inside;
  }
  return inside;
}

function select(corners) {
  let reach = 1, few = corners;
  while (few.length > MAX_CORNERS) few = simplified(corners, (reach *= 2));
  drawnZone = few;
  lit = Uint8Array.from(dots.ids, (_, i) => isInside(dots.x[i], dots.y[i], few));
  const n = lit.reduce((sum, each) => sum + each, 0);
  tell(frame.dataset.selected, n, `${frame.dataset.list}&zone=${few.map((corner) => corner.join(".")).join("_")}`);
}

function tell(sentence, n, address) {
  said.replaceChildren(`${sentence} ${passagesInWords(n)}. `);
  if (n) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = n === 1 ? frame.dataset.seeOne : frame.dataset.see.replace("0", n.toLocaleString("fr"));
    said.append(link);
  }
  clear.hidden = false;
  draw();
}

function forget() {
  lit = null;
  drawnZone = [];
  search.value = "";
  said.replaceChildren();
  clear.hidden = true;
  draw();
}

const zone = {
  path: [],
  begin(at) { this.path = [onGrid(at)]; },
  extend(at) { this.path.push(onGrid(at)); drawnZone = this.path; draw(); },
  end() {
    if (this.path.length > 2) select(this.path);
    zoneButton.setAttribute("aria-pressed", "false");
    surface.classList.remove("zoning");
  },
  drop() { this.path = []; drawnZone = []; draw(); },
};
const zoomed = zoomable(frame, surface, {
  change() { if (dots) { fit(); draw(); } },
  drawsZone: (event) => event.shiftKey || zoneButton.getAttribute("aria-pressed") === "true",
  zone,
});

zoneButton.addEventListener("click", () => {
  const isOn = zoneButton.getAttribute("aria-pressed") !== "true";
  zoneButton.setAttribute("aria-pressed", isOn);
  surface.classList.toggle("zoning", isOn);
});
frame.querySelector("[data-visible]").addEventListener("click", () => {
  const { clientWidth: width, clientHeight: height } = surface;
  select([[0, 0], [width, 0], [width, height], [0, height]].map(onGrid));
});
clear.addEventListener("click", () => { forget(); surface.focus(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && dots) forget(); });

let typing = 0;
search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(find, 250); });
search.form.addEventListener("submit", (event) => { event.preventDefault(); find(); });
async function find() {
  const typed = search.value.trim();
  if (!typed) return forget();
  const address = `?q=${encodeURIComponent(typed)}`;
  const answer = await fetch(frame.dataset.search + address);
  if (!answer.ok || search.value.trim() !== typed) return;
  const ids = new Set((await answer.json()).ids);
  drawnZone = [];
  lit = Uint8Array.from(dots.ids, (id) => ids.has(id));
  tell(frame.dataset.found, lit.reduce((sum, each) => sum + each, 0), frame.dataset.searchPage + address);
  if (said.lastElementChild) said.lastElementChild.textContent = frame.dataset.seeSearch;
}

function nearest([x, y]) {
  let best = -1, least = HOVER_REACH ** 2;
  for (let i = 0; i < dots.ids.length; i++) {
    const gap = (xOf(dots.x[i]) - x) ** 2 + (yOf(dots.y[i]) - y) ** 2;
    if (gap < least) [least, best] = [gap, i];
  }
  return best;
}
async function point(event) {
  if (!dots || event.buttons || event.target.closest("a")) return hush();
  const i = nearest(zoomed.place(event));
  if (i === over) return;
  over = i;
  surface.classList.toggle("on-dot", i >= 0);
  if (i < 0) return hush();
  const id = dots.ids[i];
  if (!words.has(id)) {
    const answer = await fetch(frame.dataset.passage.replace("PASSAGE", encodeURIComponent(id)));
    if (!answer.ok) return;
    words.set(id, await answer.json());
  }
  if (over !== i) return;
  const { text, theme, where } = words.get(id), title = document.createElement("strong"), place = document.createElement("small");
  title.textContent = theme || frame.dataset.noTheme;
  place.textContent = where;
  tip.replaceChildren(title, ` ${text} `, place);
  tip.hidden = false;
  const x = Math.min(xOf(dots.x[i]) + 12, surface.clientWidth - tip.offsetWidth - 4), y = yOf(dots.y[i]);
  const isLow = y + tip.offsetHeight + 14 > surface.clientHeight;
  tip.style.transform = `translate(${Math.max(4, x).toFixed()}px, ${(isLow ? Math.max(4, y - tip.offsetHeight - 12) : y + 12).toFixed()}px)`;
}
function hush() {
  over = -1;
  tip.hidden = true;
  surface.classList.remove("on-dot");
}
surface.addEventListener("pointermove", point);
surface.addEventListener("pointerleave", hush);
surface.addEventListener("click", (event) => {
  if (!dots || event.target.closest("a")) return;
  const i = nearest(zoomed.place(event));
  if (i >= 0 && !event.shiftKey) window.location = frame.dataset.open.replace("PASSAGE", encodeURIComponent(dots.ids[i]));
});

async function load() {
  const answer = await fetch(frame.dataset.dots);
  if (!answer.ok) return;
  const sent = await answer.json();
  const range = (values) => values.reduce(([low, high], each) => [Math.min(low, each), Math.max(high, each)], [Infinity, -Infinity]);
  dots = { ...sent, x: Int32Array.from(sent.x), y: Int32Array.from(sent.y), groups: Int32Array.from(sent.groups), bounds: [...range(sent.x), ...range(sent.y)] };
  makeNames();
  fit();
  draw();
  frame.dataset.ready = "yes";
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
load();
