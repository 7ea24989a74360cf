// Long texts are kept in this window until the server has them: a lost connection or a closed page costs nobody a word.
import { say } from "./toast.js";

const LONG = "#main textarea[name]";
const SENT = "sally-sent";
const keyOf = (text) => `sally-draft ${text.form?.getAttribute("action") ?? location.pathname} ${text.name}`;

function store(work) { try { return work(sessionStorage); } catch { return null; } }

/** The server has what this form said. */
export const forget = (form) => store((shelf) => { for (const text of form.querySelectorAll("textarea[name]")) shelf.removeItem(keyOf(text)); });

document.addEventListener("input", (event) => {
  const text = event.target;
  if (!text.matches?.(LONG) || !text.form) return;
  store((shelf) => (text.value === text.defaultValue ? shelf.removeItem(keyOf(text)) : shelf.setItem(keyOf(text), text.value)));
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.dataset.swap !== undefined) return;
  store((shelf) => shelf.setItem(SENT, JSON.stringify([...form.querySelectorAll("textarea[name]")].map(keyOf))));
});

// This page is the answer to what was sent, unless it says that nothing came of it.
store((shelf) => {
  const sent = JSON.parse(shelf.getItem(SENT) ?? "[]");
  shelf.removeItem(SENT);
  if (!document.querySelector("[data-reason]")) for (const key of sent) shelf.removeItem(key);
  let isBack = false;
  for (const text of document.querySelectorAll(LONG)) {
    const draft = text.form && shelf.getItem(keyOf(text));
    if (!draft || text.value !== text.defaultValue || draft === text.value) continue;
    text.value = draft;
    if (text.form.dataset.inplace !== undefined) [text.form.hidden, text.form.previousElementSibling.hidden] = [false, true];
    isBack = true;
  }
  if (isBack) say("What you were writing here is back.");
});
