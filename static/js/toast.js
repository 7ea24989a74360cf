// say(text): a short message in the corner, read out by screen readers. Errors stay until closed.
// tell(toast): one that the server has written, with what can be done about it.
const region = document.querySelector("#toasts");

export function say(text, { bad = false } = {}) {
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
  tell(toast);
}

export function tell(toast) {
  // What was done before the last thing is not taken back any more.
  if (toast.querySelector("form")) for (const undo of region.querySelectorAll("form")) undo.remove();
  region.append(toast);
  while (region.children.length > 3) region.firstElementChild.remove();
}

region?.addEventListener("click", (event) => {
  if (event.target.closest("button[type=button]")) event.target.closest(".toast")?.remove();
});
region?.addEventListener("animationend", (event) => event.target.remove());
// What was taken back is no longer told.
region?.addEventListener("submit", (event) => setTimeout(() => event.target.closest(".toast")?.remove()));
