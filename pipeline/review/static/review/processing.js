"use strict";
// The stream says that something changed; the part of the page is then asked for. Where no stream is to be had, every 2 s.
(() => {
  const part = () => document.getElementById("traitement");
  const announcement = document.getElementById("annonce-traitement");
  let stream = null;
  let timer = null;
  let isAsking = false;
  let said = part().dataset.said;

  async function refresh() {
    if (isAsking) return;
    isAsking = true;
    try {
      const answer = await fetch(part().dataset.part, { headers: { "HX-Request": "true" } });
      const text = await answer.text();
      if (answer.ok && text.includes('id="traitement"')) show(text);
      else window.location.reload();  // logged out meanwhile
    } catch {
      silent();
    } finally {
      isAsking = false;
    }
  }

  function show(text) {
    const focused = document.activeElement?.id;
    const open = [...part().querySelectorAll("details[open]")].map((details) => details.id);
    part().outerHTML = text;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused && document.activeElement === document.body) {
      (document.getElementById(focused) ?? part().querySelector("form button"))?.focus();
    }
    if (part().dataset.said !== said) announcement.textContent = said = part().dataset.said;
    follow();
  }

  function silent() {
    const line = part().querySelector(".silent");
    line.textContent = part().dataset.silent;
    line.hidden = false;
    poll();
  }

  function poll() {
    stream?.close();
    stream = null;
    timer ??= window.setInterval(refresh, 2000);
  }

  function follow() {
    const address = part().dataset.stream;
    if (!address) {
      stream?.close();
      window.clearInterval(timer);
      if (stream ?? timer) renew();
      stream = timer = null;
    } else if (!stream && !timer) {
      stream = new EventSource(address);
      stream.onmessage = refresh;
      stream.addEventListener("full", poll);
      stream.onerror = () => { if (stream?.readyState === EventSource.CLOSED) poll(); else refresh(); };
    }
  }

  follow();
})();
