// Rows and cards that are chosen for what is done to several at once: by their check boxes, by X, up to there with Shift.
// Escape lets go of them.
import { focusedRow } from "./keys.js";
import { post } from "./post.js";
import { renewSoon } from "./renew.js";
import { say } from "./toast.js";

const chosen = new Set();
let last = null;
const bar = () => document.querySelector("#bulk");
const boxes = () => [...document.querySelectorAll("#main input[name=task]")];

function tell() {
  const text = bar()?.querySelector("[data-chosen]");
  if (text) text.textContent = `${chosen.size} selected`;
}

function choose(box, isChosen) {
  for (const same of boxes().filter(({ value }) => value === box.value)) same.checked = isChosen;
  if (isChosen) chosen.add(box.value);
  else chosen.delete(box.value);
}

/** From the one chosen last up to this one. */
function reach(box) {
  const all = boxes().filter((other) => other.checkVisibility());
  const [from, to] = [all.findIndex(({ value }) => value === last), all.indexOf(box)].sort((a, b) => a - b);
  for (const one of all.slice(Math.max(from, 0), to + 1)) choose(one, true);
  last = box.value;
  tell();
}

function clear() {
  for (const box of boxes()) box.checked = false;
  chosen.clear();
  last = null;
  tell();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-unchoose]")) return clear();
  const box = event.target.closest("#main input[name=task]");
  if (!box) return;
  if (event.shiftKey && last) return reach(box);
  choose(box, box.checked);
  last = box.value;
  tell();
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const isElsewhere = event.target.matches?.("input:not([type=checkbox]), select, textarea") || document.querySelector("dialog[open], details.menu[open]");
  if (event.key === "Escape" && chosen.size > 0 && !isElsewhere) return clear();
  const box = event.shiftKey && event.key.toLowerCase() === "x" && !isElsewhere && focusedRow()?.querySelector("[name=task]");
  if (!box) return;
  event.preventDefault();
  reach(box);
});

// What is new of the page knows nothing of it, and what is gone is not chosen any more.
document.addEventListener("renewed", () => {
  const known = new Map(boxes().map((box) => [box.value, box]));
  for (const key of [...chosen]) if (!known.has(key)) chosen.delete(key);
  bar()?.reset();
  for (const box of boxes()) box.checked = chosen.has(box.value);
  tell();
});

/** The requests that bring back what the chosen tasks were: those that were alike, at once. */
function backwards(name, value) {
  const tasks = [...chosen].map((key) => boxes().find((box) => box.value === key));
  const labels = (box) => box.dataset.labels.split(", ");
  if (name === "addLabels") return [["removeLabels", value, tasks.filter((box) => !labels(box).includes(value))]];
  if (name === "removeLabels") return [["addLabels", value, tasks.filter((box) => labels(box).includes(value))]];
  if (name === "archived") return [[name, value === "true" ? "false" : "true", tasks]];
  const before = Map.groupBy(tasks, (box) => box.dataset[name]);
  return [...before].map(([value, alike]) => [name, value || "none", alike]);
}

/** All of it, or the server's words for what was not. */
async function takeBack(action, requests) {
  const refused = [];
  for (const body of requests) {
    try {
      const { page } = await post(action, body, "#main");
      const told = page.querySelector("#toasts .toast[data-partial] > span");
      if (told) refused.push(told.textContent.trim());
    } catch (problem) { refused.push(problem.message); }
  }
  await renewSoon();
  if (refused.length === 0) say("Undone");
  else say(`Not all of it was undone. ${[...new Set(refused)].join(" ")}`.trim(), { bad: true });
}

document.addEventListener("submit", (event) => {
  if (event.target !== bar()) return;
  if (chosen.size === 0) event.preventDefault();
  const fields = [...new FormData(event.target, event.submitter)].filter(([name, value]) => name !== "task" && value);
  const requests = fields.flatMap(([name, value]) => backwards(name, value))
    .map(([name, value, tasks]) => new URLSearchParams([[name, value], ...tasks.map((box) => ["task", box.value])]))
    .filter((body) => body.has("task"));
  event.target.undo = () => takeBack(bar().action, requests);
}, true);
boxes().filter((box) => box.checked).forEach((box) => choose(box, true));
