// Shortcuts live in the markup: [data-key="g d"] is followed, pressed or focused when its keys are typed.
const PAUSE = 1200; // milliseconds between the two keys of a chord
let typed = "";
let last = 0;

const busy = (target) =>
  target.isContentEditable || target.matches("input, select, textarea") || document.querySelector("dialog[open]");

const find = (keys) =>
  [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === keys && !element.disabled);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1 || busy(event.target)) return;
  typed = event.timeStamp - last < PAUSE && typed ? `${typed} ${event.key}` : event.key;
  last = event.timeStamp;
  const target = find(typed) ?? find(event.key);
  if (!target) {
    if (typed.includes(" ")) typed = "";
    return;
  }
  typed = "";
  event.preventDefault();
  if (!target.matches("input, select, textarea")) return target.click();
  const drawer = target.closest("[popover]");
  if (drawer && !target.checkVisibility()) drawer.showPopover();
  target.focus();
  target.select?.();
});
