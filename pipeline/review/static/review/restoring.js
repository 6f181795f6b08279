"use strict";
// A backup goes by pieces; the server says where each goes on, so that a cut connection loses nothing.
const sender = document.getElementById("envoyer");
const input = sender?.querySelector("[type=file]");
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function tell(sentence, share) {
  const shown = sender.querySelector(".sent");
  shown.hidden = false;
  shown.querySelector("progress").value = share;
  shown.querySelector("span").textContent = sentence;
}

// Ask again, later and later, as long as the server does not answer; null once it refuses.
async function ask(url, body) {
  const headers = { "X-CSRFToken": sender.querySelector("[name=csrfmiddlewaretoken]").value };
  if (body instanceof Blob) headers["Content-Type"] = "application/octet-stream";
  for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
    try {
      const answer = await fetch(url, { method: "POST", body, headers, redirect: "manual" });
      if (answer.status === 200 || answer.status === 409) return await answer.json();
      if (answer.status === 422) return void tell((await answer.json()).error, 0);
      tell(answer.type === "opaqueredirect" || answer.status === 403 ? sender.dataset.session : sender.dataset.cut, 0);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // no connection
      tell(sender.dataset.cut, 0);
    }
    await pause(wait);
  }
}

input?.addEventListener("change", async () => {
  const file = input.files[0];
  if (!file) return;
  input.disabled = true;
  const begun = await ask(sender.dataset.announce, new URLSearchParams({ chemin: file.name, taille: file.size, change: file.lastModified }));
  for (let at = begun?.received; begun; ) {
    tell(`${sender.dataset.sends} ${Math.floor((100 * at) / file.size)} %`, at / file.size);
    const answer = await ask(`${begun.address}?debut=${at}`, file.slice(at, at + Number(sender.dataset.piece)));
    if (!answer) break;
    if (answer.done) return window.location.reload();
    at = answer.received;
  }
  input.disabled = false;
  input.value = "";
});
