"use strict";
// Copying needs a script: without one the button stays hidden and the address is selected by hand.
for (const button of document.querySelectorAll("[data-copies]")) button.hidden = !navigator.clipboard;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copies);
  field.select();
  await navigator.clipboard.writeText(field.value);
  const told = document.createElement("p");
  told.className = "message success";
  told.textContent = button.dataset.done;
  document.getElementById("annonce").replaceChildren(told);
});
