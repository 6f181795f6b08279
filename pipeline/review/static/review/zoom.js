"use strict";
// Zoom and pan of a drawing, shared by the maps: wheel, drag, pinch, the keys + − 0 and arrows, and the buttons of its frame.
// A point `p` of the drawing as first shown is seen at `p * view.scale + view.x`.
const LARGEST_SCALE = 40, KEY_STEP = 60, CLICK_REACH = 4;

function zoomable(frame, surface, { change, drawsZone = () => false, zone = null }) {
  const view = { scale: 1, x: 0, y: 0 };
  const pointers = new Map();
  let start = null, isMoved = false, isZone = false, isWaiting = false;

  function show() {
    const { clientWidth: width, clientHeight: height } = surface;
    view.x = Math.min(0, Math.max(width * (1 - view.scale), view.x));
    view.y = Math.min(0, Math.max(height * (1 - view.scale), view.y));
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => { isWaiting = false; change(view); });
  }
  function zoom(factor, at = [surface.clientWidth / 2, surface.clientHeight / 2]) {
    const scale = Math.min(LARGEST_SCALE, Math.max(1, view.scale * factor));
    view.x = at[0] - (at[0] - view.x) * (scale / view.scale);
    view.y = at[1] - (at[1] - view.y) * (scale / view.scale);
    view.scale = scale;
    show();
  }
  const pan = (x, y) => { view.x += x; view.y += y; show(); };
  const all = () => { Object.assign(view, { scale: 1, x: 0, y: 0 }); show(); };
  const place = (event) => {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left - surface.clientLeft, event.clientY - box.top - surface.clientTop];
  };

  surface.addEventListener("wheel", (event) => {
    if (event.deltaY > 0 && view.scale === 1) return; // all is seen: the page scrolls
    event.preventDefault();
    zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) / 400), place(event));
  }, { passive: false });
  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, place(event));
    isMoved = false;
    start = place(event);
    isZone = pointers.size === 1 && drawsZone(event);
    if (pointers.size === 2 && zone) zone.drop();
    if (isZone) zone.begin(start);
  });
  surface.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId), now = place(event);
    if (!before) return;
    if (!isMoved && Math.hypot(now[0] - start[0], now[1] - start[1]) < CLICK_REACH) return;
    if (!isMoved) surface.setPointerCapture(event.pointerId); // a press that stays a click is left to links
    isMoved = true;
    pointers.set(event.pointerId, now);
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const spread = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      zoom(spread(now) / Math.max(spread(before), 1), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    } else if (isZone) zone.extend(now);
    else pan(now[0] - before[0], now[1] - before[1]);
  });
  const release = (event) => {
    if (!pointers.delete(event.pointerId) || !isZone || pointers.size) return;
    isZone = false;
    if (event.type === "pointerup") zone.end();
    else zone.drop();
  };
  surface.addEventListener("pointerup", release);
  surface.addEventListener("pointercancel", release);
  surface.addEventListener("click", (event) => {
    if (!isMoved) return;
    event.preventDefault(); // the end of a drag opens nothing
    event.stopPropagation();
    isMoved = false;
  }, true);
  surface.addEventListener("dragstart", (event) => event.preventDefault());
  const keys = {
    "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), "_": () => zoom(1 / 1.4), "0": all,
    ArrowLeft: () => pan(KEY_STEP, 0), ArrowRight: () => pan(-KEY_STEP, 0), ArrowUp: () => pan(0, KEY_STEP), ArrowDown: () => pan(0, -KEY_STEP),
  };
  surface.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  const buttons = { in: () => zoom(1.6), out: () => zoom(1 / 1.6), all };
  for (const button of frame.querySelectorAll("[data-zoom]")) button.addEventListener("click", buttons[button.dataset.zoom]);
  new ResizeObserver(all).observe(surface);
  return { view, place };
}
