// Shortcuts live in the markup: [data-key="g d"] is performed when its keys are typed. In a row or card that has the focus,
// its own keys come first. J and K go from one to the next. [data-keys] is a list of them all.
import { nameOf, perform } from "./commands.js";

const PAUSE = 1200; // milliseconds between the two keys of a chord
const ROW = "[data-card], tbody tr, .todo-item, .result";
const LEAD = "#main :is([data-card] h3, tbody th, .todo-item .title, .result :is(h2, h3)) > a:first-of-type";
let typed = "";
let last = 0;

const isBusy = (target) =>
  target.isContentEditable || target.matches("input:not([type=checkbox]), select, textarea") || document.querySelector("dialog:modal");

const enabled = (elements) => elements.filter((element) => !element.disabled);

/** The row or card that has the focus. */
export const focusedRow = () => document.activeElement?.closest(`#main :is(${ROW})`);

export function find(keys) {
  const wanted = `[data-key="${CSS.escape(keys)}"]`;
  const here = focusedRow()?.querySelector(wanted);
  return here ?? enabled([...document.querySelectorAll(wanted)]).find((element) => !element.closest(ROW));
}

/** The link of the next row, or of the one before. */
function step(by) {
  const leads = [...document.querySelectorAll(LEAD)].filter((link) => link.checkVisibility());
  const row = focusedRow();
  const at = leads.findIndex((link) => row?.contains(link));
  const next = leads[at < 0 ? 0 : Math.min(Math.max(at + by, 0), leads.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return next !== leads[at];
}

// form[data-next] does away with its row: whoever goes down the list goes on.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.next !== undefined && focusedRow()?.contains(event.target)) step(1) || step(-1);
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1 || isBusy(event.target)) return;
  const key = event.shiftKey && event.key.toLowerCase() !== event.key ? `shift ${event.key.toLowerCase()}` : event.key;
  typed = event.timeStamp - last < PAUSE && typed ? `${typed} ${key}` : key;
  last = event.timeStamp;
  const target = find(typed) ?? find(key);
  if (target) {
    typed = "";
    event.preventDefault();
    return perform(target);
  }
  if (typed.includes(" ")) typed = "";
  if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
});

/** `g d` as it is shown: each key by itself. */
export function caps(keys) {
  const row = Object.assign(document.createElement("span"), { className: "caps" });
  for (const key of keys.split(" ")) row.append(Object.assign(document.createElement("kbd"), { textContent: key === "shift" ? "⇧" : key.toUpperCase() }));
  return row;
}

document.querySelector("#shortcuts")?.addEventListener("toggle", (event) => {
  if (event.newState !== "open") return;
  const list = event.target.querySelector("[data-keys]");
  const seen = new Set();
  list.replaceChildren();
  for (const element of enabled([...document.querySelectorAll("[data-key]")])) {
    const { key } = element.dataset;
    if (seen.has(key) || element.closest(ROW)) continue;
    seen.add(key);
    const what = document.createElement("dt");
    const how = document.createElement("dd");
    what.textContent = key.startsWith("g ") ? `Go to ${nameOf(element)}` : nameOf(element);
    how.append(caps(key));
    list.append(what, how);
  }
});
