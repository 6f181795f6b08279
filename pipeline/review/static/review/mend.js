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
    if (!CSS.highlights) return;
    const range = document.createRange();
    const [first, last] = ends(said(), start, found.end);
    range.setStart(...first);
    range.setEnd(...last);
    CSS.highlights.set("chosen-words", hasWords ? new Highlight(range) : new Highlight());
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
})();
