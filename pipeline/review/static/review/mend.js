"use strict";
// Words chosen in the current passage, by mouse, touch or keyboard, fill the forms under it: offsets are sent in code points.
(() => {
  const said = () => document.querySelector("#poste .said[data-unit]");
  const tools = () => document.getElementById("reprendre");
  const points = (text) => [...text].length;

  // Return where the selection begins and ends in the passage's text, in UTF-16 units; null where it is not whole inside it.
  function chosen() {
    const [text, selection] = [said(), window.getSelection()];
    if (!text || !tools() || !selection.rangeCount) return null;
    const range = selection.getRangeAt(0);
    if (!text.contains(range.startContainer)) return null;
    const before = document.createRange();
    before.selectNodeContents(text);
    before.setEnd(range.startContainer, range.startOffset);
    const start = before.toString().length;
    const inside = range.cloneRange();
    if (!text.contains(range.endContainer)) inside.setEnd(text, text.childNodes.length);
    return whole(text, start, start + inside.toString().length);
  }

  // Return the text nodes, and the offsets in them, of two offsets of the passage.
  function ends(text, ...offsets) {
    const nodes = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let at = 0, node; (node = nodes.nextNode()); at += node.data.length) {
      for (const offset of offsets.slice(found.length)) if (offset <= at + node.data.length) found.push([node, offset - at]);
    }
    return found;
  }

  // Whole words, as people mean them; a caret goes back to the beginning of its word.
  const isLetter = (letter) => letter !== undefined && /[\p{L}\p{N}]/u.test(letter);
  function whole(element, start, end) {
    const text = element.textContent;
    const hasWords = /[\p{L}\p{N}]/u.test(text.slice(start, end));
    while (isLetter(text[start - 1]) && isLetter(text[start])) start -= 1;
    while (hasWords && isLetter(text[end - 1]) && isLetter(text[end])) end += 1;
    return { start, end: Math.max(start, hasWords ? end : start) };
  }

  function show(found) {
    const [text, words, cut, mask] = [said().textContent, ...["empan", "couper", "masquer"].map((id) => document.getElementById(id))];
    const quote = text.slice(found.start, found.end);
    const hasWords = /[\p{L}\p{N}]/u.test(quote);
    const start = found.start + (quote.length - quote.trimStart().length);
    words.hidden = !hasWords;
    cut.hidden = !/[\p{L}\p{N}]/u.test(text.slice(0, start)) || !/[\p{L}\p{N}]/u.test(text.slice(start));
    document.getElementById("mots-aide").hidden = hasWords || !cut.hidden;
    mask.hidden = !hasWords || !/(^|\s)\p{Lu}/u.test(quote) || quote.includes("[") || quote.trim().split(/\s+/).length > 5;
    for (const form of [words, cut, mask]) form.elements.debut.value = points(text.slice(0, start));
    for (const form of [words, mask]) form.elements.fin.value = points(text.slice(0, found.end));
    words.querySelector(".chosen").textContent = shorten(quote.trim());
    cut.querySelector(".before").textContent = ` : … | ${shorten(text.slice(start), 18)}`;
    light(start, hasWords ? found.end : start);
  }

  function light(start, end) {
    const range = rangeOf(start, end);
    CSS.highlights?.set("chosen-words", end > start ? new Highlight(range) : new Highlight());
    return range;
  }

  function rangeOf(start, end) {
    const range = document.createRange();
    const [first, last] = ends(said(), start, end);
    range.setStart(...first);
    range.setEnd(...last);
    return range;
  }
  const shorten = (text, n = 40) => ([...text].length > n ? `${[...text].slice(0, n - 1).join("")}…` : text);

  // What is outside the passage keeps the words chosen: the picker takes the focus, and the selection with it.
  document.addEventListener("selectionchange", () => {
    const found = chosen();
    if (found) show(found);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "poste") CSS.highlights?.delete("chosen-words");
  });

  // With the focus on the passage, arrows go from word to word, Shift extends, Escape lets go.
  let words = null;
  document.addEventListener("keydown", (event) => {
    const text = event.target.closest?.("#poste .said[data-unit]");
    if (!text || !tools() || event.ctrlKey || event.altKey || event.metaKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") window.getSelection().removeAllRanges();
    if (!step) return;
    event.preventDefault();
    const spans = [...text.textContent.matchAll(/\S+/g)].map((match) => [match.index, match.index + match[0].length]);
    const last = spans.length - 1;
    if (words?.text !== text) words = { text, anchor: step > 0 ? 0 : last, focus: step > 0 ? 0 : last };
    else words.focus = Math.min(Math.max(words.focus + step, 0), last);
    if (!event.shiftKey) words.anchor = words.focus;
    const [first, final] = [Math.min(words.anchor, words.focus), Math.max(words.anchor, words.focus)];
    if (!spans.length) return;
    const [start, end] = ends(text, spans[first][0], spans[final][1]);
    window.getSelection().setBaseAndExtent(...start, ...end);
  });

  // « Bords » puts a handle at each end of words that are coded: dragged, or moved word by word with arrows, then Enter.
  let moved = null; // {button, start, end, runs, handles}
  const units = (text, n) => [...text].slice(0, n).join("").length;

  function close() {
    if (!moved) return;
    for (const handle of moved.handles) handle.remove();
    moved.button.setAttribute("aria-pressed", "false");
    moved = null;
    CSS.highlights?.delete("chosen-words");
  }

  function open(button) {
    close();
    window.getSelection().removeAllRanges();
    const text = said().textContent;
    const runs = [...text.matchAll(/[\p{L}\p{N}]+/gu)].map((run) => [run.index, run.index + run[0].length]);
    const [start, end] = [units(text, Number(button.dataset.start)), units(text, Number(button.dataset.end))];
    const handles = ["start", "end"].map((name) => {
      const handle = document.createElement("span");
      Object.assign(handle, { className: "edge", tabIndex: 0 });
      for (const [key, value] of Object.entries({ role: "slider", "aria-label": tools().dataset[name], "aria-valuemin": 1, "aria-valuemax": runs.length })) handle.setAttribute(key, value);
      handle.dataset.edge = name;
      said().after(handle);
      return handle;
    });
    said().after(...handles); // in the order of the text
    button.setAttribute("aria-pressed", "true");
    moved = { button, start, end, runs, handles };
    place();
  }

  // The words that are chosen now, and the handles beside the first and the last of them.
  function place() {
    const boxes = [...light(moved.start, moved.end).getClientRects()].filter((box) => box.width);
    const frame = said().parentElement.getBoundingClientRect();
    const wanted = [[boxes[0].left, boxes[0]], [boxes.at(-1).right, boxes.at(-1)]];
    moved.handles.forEach((handle, i) => {
      const [x, box] = wanted[i];
      Object.assign(handle.style, { left: `${x - frame.left}px`, top: `${box.top - frame.top}px`, height: `${box.height}px` });
      const word = moved.runs.findIndex((run) => (i ? run[1] >= moved.end : run[1] > moved.start));
      handle.setAttribute("aria-valuenow", String(word + 1));
      handle.setAttribute("aria-valuetext", said().textContent.slice(...(moved.runs[word] ?? [0, 0])));
    });
  }

  // Bring an end to the bound of a word that is nearest to an offset, at least a word from the other end.
  function bring(edge, offset) {
    const i = edge === "start" ? 0 : 1;
    const bounds = moved.runs.filter((run) => (i ? run[0] >= moved.start : run[1] <= moved.end)).map((run) => run[i]);
    if (!bounds.length) return;
    moved[edge] = bounds.reduce((best, bound) => (Math.abs(bound - offset) < Math.abs(best - offset) ? bound : best));
    place();
  }

  function step(edge, by) {
    const bounds = moved.runs.map((run) => run[edge === "start" ? 0 : 1]);
    const next = by > 0 ? bounds.find((bound) => bound > moved[edge]) : bounds.findLast((bound) => bound < moved[edge]);
    if (next !== undefined) bring(edge, next);
  }

  function save() {
    const [text, fields, { button, start, end }] = [said().textContent, document.getElementById("bords").elements, moved];
    const [first, last] = [points(text.slice(0, start)), points(text.slice(0, end))];
    if (first === Number(button.dataset.start) && last === Number(button.dataset.end)) return;
    Object.entries({ code: button.dataset.code, remplace: button.dataset.number, debut: first, fin: last }).forEach(([name, value]) => { fields[name].value = value; });
    document.getElementById("bords").requestSubmit();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#poste button.edges");
    if (!button) return;
    if (moved?.button === button) return close();
    open(button);
    moved.handles[0].focus();
  });
  document.addEventListener("keydown", (event) => {
    const edge = moved && event.target.dataset?.edge;
    if (!edge || event.ctrlKey || event.altKey || event.metaKey) return;
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) step(edge, by);
    else if (event.key === "Home" || event.key === "End") bring(edge, event.key === "Home" ? 0 : Infinity);
    else if (event.key === "Enter") save();
    else if (event.key === "Escape") {
      moved.button.focus();
      close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", (event) => {
    const edge = moved && event.target.dataset?.edge;
    if (!edge) return;
    event.preventDefault();
    event.target.focus();
    said().parentElement.classList.add("dragging");
    const drag = ({ clientX, clientY }) => {
      const box = said().getBoundingClientRect(); // beyond the text, its nearest word
      const at = [Math.min(Math.max(clientX, box.left + 1), box.right - 1), Math.min(Math.max(clientY, box.top + 1), box.bottom - 1)];
      const caret = document.caretPositionFromPoint?.(...at) ?? caretOf(document.caretRangeFromPoint?.(...at));
      if (!moved || !caret || !said().contains(caret.offsetNode)) return;
      const before = document.createRange();
      before.selectNodeContents(said());
      before.setEnd(caret.offsetNode, caret.offset);
      bring(edge, before.toString().length);
    };
    const drop = (ended) => {
      document.removeEventListener("pointermove", drag);
      for (const name of ["pointerup", "pointercancel"]) document.removeEventListener(name, drop);
      document.querySelector("#poste .dragging")?.classList.remove("dragging");
      if (moved && ended.type === "pointerup") save();
    };
    document.addEventListener("pointermove", drag);
    for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, drop);
  });
  const caretOf = (range) => range && { offsetNode: range.startContainer, offset: range.startOffset };
  window.addEventListener("resize", () => moved && place());

  // Once moved, the words keep their handles, and the focus its end.
  let edge = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "poste") return;
    edge = moved && { name: document.activeElement.dataset.edge, code: moved.button.dataset.code, start: points(said().textContent.slice(0, moved.start)) };
    moved = null;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "poste" || !edge?.name) return;
    const button = [...document.querySelectorAll("#poste button.edges")].find((one) => one.dataset.code === edge.code && Number(one.dataset.start) === edge.start);
    if (!button) return;
    open(button);
    moved.handles[edge.name === "start" ? 0 : 1].focus();
  });
})();
