// say(text): a short message in the corner, read out by screen readers. Errors stay until closed; `again` is what a button
// beside it does, `href` where the text leads.
const region = document.querySelector("#toasts");

export function say(text, { bad = false, again = null, href = null } = {}) {
  if (!region) return;
  const toast = document.createElement("div");
  toast.className = bad ? "toast bad" : "toast";
  const message = document.createElement(href ? "a" : "span");
  if (href) message.href = href;
  message.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon-button";
  close.ariaLabel = "Dismiss";
  close.textContent = "×";
  toast.append(message, close);
  if (again) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: "Try again" });
    button.addEventListener("click", again);
    message.after(button);
  }
  region.append(toast);
  while (region.children.length > 3) region.firstElementChild.remove();
}

region?.addEventListener("click", (event) => {
  if (event.target.closest("button")) event.target.closest(".toast")?.remove();
});
region?.addEventListener("animationend", (event) => event.target.remove());
