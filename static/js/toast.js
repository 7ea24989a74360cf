// say(text): a short message in the corner, read out by screen readers. Errors stay until closed. `undo` takes back what it
// tells of, by a press or by Z; `again` is what a button beside it tries, `href` where the text leads. tell(toast): a message
// that the server has written, with what can be done about it.
const UNDO = "[data-key=z]";
const region = document.querySelector("#toasts");

const button = (text, act) => {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: text });
  made.addEventListener("click", act);
  return made;
};

export function say(text, { bad = false, undo = null, again = null, href = null } = {}) {
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
  if (undo) {
    const back = button("Undo", undo);
    back.dataset.key = "z";
    back.ariaKeyShortcuts = "Z";
    back.append(Object.assign(document.createElement("kbd"), { textContent: "Z" }));
    close.before(back);
  }
  if (again) close.before(button("Try again", again));
  tell(toast);
}

export function tell(toast) {
  // What was done before the last thing is not taken back any more.
  if (toast.querySelector(UNDO)) for (const old of region.querySelectorAll(UNDO)) (old.closest("form") ?? old).remove();
  region.append(toast);
  while (region.children.length > 3) region.firstElementChild.remove();
}

region?.addEventListener("click", (event) => {
  if (event.target.closest("button[type=button]")) event.target.closest(".toast")?.remove();
});
region?.addEventListener("animationend", (event) => event.target.remove());
// What was taken back is no longer told.
region?.addEventListener("submit", (event) => setTimeout(() => event.target.closest(".toast")?.remove()));
