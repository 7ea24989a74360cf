// [data-copy="#id"] copies that element's text (or value) and says so.
import { say } from "./toast.js";

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  const source = button && document.querySelector(button.dataset.copy);
  if (!source) return;
  const text = (source.value ?? source.textContent).trim();
  try {
    await navigator.clipboard.writeText(text);
    say(button.dataset.copied ?? "Copied");
  } catch {
    // Plain http on another host has no clipboard: leave the text selected, one key away.
    select(source);
    say(document.execCommand?.("copy") ? "Copied" : "Selected. Press Ctrl+C to copy.");
  }
});
