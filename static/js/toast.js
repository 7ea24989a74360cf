// say(text): a short message in the corner, read out by screen readers. Errors stay until closed. `undo` takes back what it
// tells of, by a press or by Z.
const region = document.querySelector("#toasts");

export function say(text, { bad = false, undo = null } = {}) {
  if (!region) return;
  const toast = document.createElement("div");
  toast.className = bad ? "toast bad" : "toast";
  const message = document.createElement("span");
  message.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon-button";
  close.ariaLabel = "Dismiss";
  close.textContent = "×";
  toast.append(message, close);
  if (undo) {
    const back = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: "Undo" });
    region.querySelector("[data-key=z]")?.remove();
    back.dataset.key = "z";
    back.ariaKeyShortcuts = "Z";
    back.append(Object.assign(document.createElement("kbd"), { textContent: "Z" }));
    back.addEventListener("click", undo);
    close.before(back);
  }
  region.append(toast);
  while (region.children.length > 3) region.firstElementChild.remove();
}

region?.addEventListener("click", (event) => {
  if (event.target.closest("button")) event.target.closest(".toast")?.remove();
});
region?.addEventListener("animationend", (event) => event.target.remove());
