"use strict";
// Files go by pieces; the server says where each goes on, so that a cut connection or a restarted server loses nothing.
const depot = document.getElementById("depot");
const words = depot.dataset;
const token = depot.querySelector("[name=csrfmiddlewaretoken]").value;
const sending = { queue: [], active: 0, sent: 0, total: 0, failed: 0, most: 2 };
const LEAST = 64 * 1024;
const MOST = Number(words.piece);
const JUNK = /^(\.|~\$|thumbs\.db$|desktop\.ini$|__macosx$)/i;

// --- what is dropped or chosen

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  const zone = event.target.closest?.("[data-drop]");
  for (const other of document.querySelectorAll("[data-drop].over")) if (other !== zone) other.classList.remove("over");
  zone?.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.querySelector("[data-drop].over")?.classList.remove("over");
});
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  document.querySelector("[data-drop].over")?.classList.remove("over");
  const zone = event.target.closest?.("[data-drop]") ?? document.querySelector("[data-drop='']");
  // entries must be asked for before the event ends
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const found = [];
  for (const { entry, file } of items) {
    if (entry) await walk(entry, "", found);
    else if (file) found.push({ file, path: file.webkitRelativePath || file.name });
  }
  add(found, zone?.dataset.drop ?? "");
});

async function walk(entry, above, found) {
  if (JUNK.test(entry.name)) return;
  const path = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    if (file) found.push({ file, path });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
    if (some.length === 0) return;
    for (const child of some) await walk(child, `${path}/`, found);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-picks]");
  if (button) document.getElementById(button.dataset.picks).click();
});
document.addEventListener("change", (event) => {
  const input = event.target;
  if (input.type !== "file" || input.dataset.into === undefined) return;
  const found = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  add(found.filter(({ path }) => !path.split("/").some((step) => JUNK.test(step))), input.dataset.into);
  input.value = "";
});

// --- the list of what is sent

function add(found, into) {
  if (found.length === 0) return say(words.empty, "");
  const list = document.querySelector("#envois ol");
  document.getElementById("envois").hidden = false;
  for (const { file, path } of found) {
    const inside = into && path.startsWith(`${into}/`) ? path.slice(into.length + 1) : path;
    const item = { file, path: inside, into, row: document.createElement("li"), isStopped: false };
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = into ? `${into} · ${inside}` : inside;
    item.bar = document.createElement("progress");
    item.bar.max = Math.max(file.size, 1);
    item.bar.value = 0;
    item.bar.setAttribute("aria-label", inside);
    item.told = document.createElement("span");
    item.told.className = "told";
    item.told.textContent = words.waits;
    item.stop = document.createElement("button");
    item.stop.type = "button";
    item.stop.className = "small outline";
    item.stop.textContent = words.stop;
    item.stop.setAttribute("aria-label", `${words.stop} : ${inside}`);
    item.stop.addEventListener("click", () => {
      item.isStopped = true;
      item.abort?.abort();
      item.wake?.();
    });
    item.row.append(name, item.bar, item.told, item.stop);
    list.append(item.row);
    sending.queue.push(item);
    sending.total += 1;
  }
  overall();
  while (sending.active < sending.most && sending.queue.length > 0) work();
}

async function work() {
  sending.active += 1;
  while (sending.queue.length > 0) {
    const item = sending.queue.shift();
    await send(item).catch((error) => ends(item, "refused", String(error.message ?? error)));
    sending.sent += 1;
    overall();
  }
  sending.active -= 1;
  if (sending.active === 0) {
    say(sending.failed ? words.some : words.all, sending.failed ? "error" : "success");
    sending.sent = sending.total = sending.failed = 0;
    look();
  }
}

function overall() {
  const shown = document.querySelector("#envois .overall");
  shown.querySelector("progress").max = Math.max(sending.total, 1);
  shown.querySelector("progress").value = sending.sent;
  shown.querySelector("span").textContent = `${sending.sent} / ${sending.total}`;
}

function ends(item, outcome, sentence) {
  item.row.dataset.outcome = outcome;
  item.told.textContent = sentence;
  item.bar.hidden = true;
  item.stop.remove();
  if (outcome === "refused") sending.failed += 1;
}

function say(sentence, kind) {
  const message = document.createElement("p");
  message.className = `message ${kind}`;
  message.textContent = sentence;
  document.getElementById("annonce").replaceChildren(message);
}

window.addEventListener("beforeunload", (event) => {
  if (sending.active > 0) event.preventDefault();
});

// --- one file

async function send(item) {
  const form = new URLSearchParams({ atelier: item.into, chemin: item.path, taille: item.file.size, change: item.file.lastModified });
  const begun = await ask(item, words.announce, form);
  if (!begun) return;
  let at = begun.received;
  let size = 4 * LEAST;
  if (at > 0) item.told.textContent = `${words.resumes} ${percent(at, item.file.size)}`;
  for (;;) {
    item.bar.value = at;
    const started = performance.now();
    const end = Math.min(at + size, item.file.size);
    const answer = await ask(item, `${begun.address}?debut=${at}`, item.file.slice(at, end), () => { size = Math.max(LEAST, size / 2); });
    if (!answer) return;
    if (answer.done) return ends(item, answer.outcome, answer.done);
    at = answer.received;
    item.told.textContent = `${words.sends} ${percent(at, item.file.size)}`;
    const seconds = (performance.now() - started) / 1000;
    if (seconds < 2) size = Math.min(MOST, size * 2);
    else if (seconds > 8) size = Math.max(LEAST, size / 2);
  }
}

// Ask again, later and later, as long as the server does not answer; null once the file is refused or stopped.
async function ask(item, url, body, onCut = () => {}) {
  for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
    if (item.isStopped) return void ends(item, "stopped", words.stopped);
    item.abort = new AbortController();
    try {
      const headers = { "X-CSRFToken": token };
      if (body instanceof Blob) headers["Content-Type"] = "application/octet-stream";
      const answer = await fetch(url, { method: "POST", body, headers, redirect: "manual", signal: item.abort.signal });
      if (answer.status === 200 || answer.status === 409) return await answer.json();
      if (answer.status === 422) return void ends(item, "refused", (await answer.json()).error);
      if (answer.type === "opaqueredirect" || answer.status === 403) item.told.textContent = words.session;
      else if (answer.status === 404) return void ends(item, "refused", words.stopped);
      else throw new Error(String(answer.status));
    } catch (error) {
      if (error instanceof SyntaxError || item.isStopped) continue;
      item.told.textContent = words.cut;
      onCut();
    }
    await new Promise((resolve) => {
      item.wake = resolve;
      setTimeout(resolve, wait * 1000);
    });
  }
}

const percent = (at, size) => `${Math.floor((100 * at) / Math.max(size, 1))} %`;

// --- what others drop, and what is read meanwhile

let isReading = words.reading === "oui";
let lastStates = "";
let isLooking = false;
async function look() {
  if (isLooking || document.hidden) return;
  isLooking = true;
  try {
    const answer = await fetch(words.states, { redirect: "manual" });
    if (answer.status !== 200) return;
    const now = await answer.json();
    document.getElementById("lecture").hidden = !now.is_reading;
    const shown = new Map([...document.querySelectorAll("#ateliers [data-folder]")].map((section) => [section.dataset.folder, section.dataset.state]));
    const isSame = shown.size === Object.keys(now.workshops).length && Object.entries(now.workshops).every(([folder, state]) => shown.get(folder) === state);
    const states = JSON.stringify(now.workshops);
    if (!isSame && states !== lastStates) await renew();
    lastStates = states;
    if (isReading && !now.is_reading) {
      const doubts = document.getElementById("doutes");
      if (doubts && !doubts.contains(document.activeElement)) htmx.trigger(doubts, "doutes");
    }
    isReading = now.is_reading;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // no connection: next time
  } finally {
    isLooking = false;
  }
}
setInterval(look, 3000);
document.addEventListener("visibilitychange", look);

// A form that was sent is gone with its card: focus goes to the title of its workshop.
document.addEventListener("htmx:afterSwap", (event) => {
  if (document.activeElement !== document.body || !event.detail.requestConfig) return;
  if (event.detail.requestConfig.verb !== "post") return;
  const path = event.detail.requestConfig.parameters?.chemin ?? event.detail.requestConfig.parameters?.get?.("chemin");
  const section = event.detail.elt.closest?.("section") ?? event.detail.elt;
  const row = path && [...section.querySelectorAll("[name=chemin]")].find((input) => input.value === path);
  (row?.closest("tr")?.querySelector("summary") ?? section.querySelector("[tabindex='-1']"))?.focus();
  renew();
});
