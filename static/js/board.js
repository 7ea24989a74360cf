// A board: Alt or Shift with an arrow moves a card, by sending the form that it carries. What was moved can be moved back.
import { SCRIPT, post } from "./post.js";
import { become } from "./renew.js";
import { say } from "./toast.js";

export const board = () => document.querySelector("#board");
const column = (list) => list.closest(".column");
const nameOf = (list) => column(list).querySelector("[data-column-name]").textContent.trim();
const listOf = (goal) => [...board().querySelectorAll(".cards")].find((list) => list.dataset.goal === goal);
export const isOrdered = () => board()?.dataset.ordered !== undefined;

/** The card, preferably there; in a folded column what unfolds it. */
function focusCard(id, list) {
  const link = `[data-card="${CSS.escape(id)}"] h3 a`;
  const found = list?.querySelector(link) ?? board().querySelector(link);
  (!found || found.checkVisibility() ? found : column(found).querySelector("[data-folds]"))?.focus();
}

function ready() {
  for (const card of board()?.querySelectorAll("[data-card]") ?? []) {
    if (!card.querySelector("form")) continue; // a viewer's card has no form and stays put
    card.draggable = true;
    for (const link of card.querySelectorAll("a")) link.draggable = false;
  }
}

/** Sends a move; the board becomes what comes back. */
async function send(action, fields) {
  const { part } = await post(action, fields, "#board", { headers: SCRIPT });
  become(board(), part);
}

/** `before`: the card that it shall stand above; null is the end, where cards have an order. */
export async function move(card, list, { refocus = false, before = null } = {}) {
  const from = card.parentElement;
  const form = card.querySelector("form");
  const after = card.nextElementSibling;
  const stays = from === list && (!isOrdered() || before === after);
  if (!form || stays || card.dataset.moving !== undefined) return;
  const { card: id } = card.dataset;
  const label = card.querySelector(".key")?.firstChild.textContent.trim() ?? card.querySelector("h3").textContent.trim();
  const action = form.action;
  const goal = list.dataset.goal;
  const place = nameOf(list);
  const origin = from.dataset.goal;
  const given = Object.fromEntries(new FormData(form));
  const back = { ...given, to: origin, from: goal, before: after?.dataset.card ?? "" };
  const fields = { ...given, to: goal, from: origin, before: before?.dataset.card ?? "" };
  // Only the form of an ordered board knows a place.
  if (!form.elements.before) for (const one of [back, fields]) { delete one.before; delete one.from; }
  card.querySelector("details.menu")?.removeAttribute("open");
  card.dataset.moving = "";
  if (isOrdered()) list.insertBefore(card, before);
  else list.prepend(card);
  if (refocus) focusCard(id, list);
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  try {
    await send(action, fields);
    if (refocus) focusCard(id, listOf(goal));
    say(`Moved ${label} to ${place}`, { undo: () => takeBack(action, back, label, id) });
  } catch (problem) {
    delete card.dataset.moving;
    from.insertBefore(card, after?.parentElement === from ? after : null);
    if (refocus) focusCard(id, from);
    say(`${label} was not moved. ${problem.message}`, { bad: true });
  }
}

async function takeBack(action, fields, label, id) {
  try {
    await send(action, fields);
    const list = listOf(fields.to);
    if (list) focusCard(id, list);
    say(`${label} is back in ${list ? nameOf(list) : "its place"}`);
  } catch (problem) {
    say(`${label} was not moved back. ${problem.message}`, { bad: true });
  }
}

/** Where an arrow leads: the list, and the card to stand above. */
function goalOf(card, key) {
  const lists = [...board().querySelectorAll(".cards")];
  const list = lists[lists.indexOf(card.parentElement) + ({ ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0)];
  if (key === "ArrowUp") return card.previousElementSibling && [list, card.previousElementSibling];
  if (key === "ArrowDown") return card.nextElementSibling && [list, card.nextElementSibling.nextElementSibling];
  return list && [list, null];
}

document.addEventListener("keydown", (event) => {
  const isArrow = ["ArrowLeft", "ArrowRight", ...(isOrdered() ? ["ArrowUp", "ArrowDown"] : [])].includes(event.key);
  const card = isArrow && (event.altKey || event.shiftKey) && event.target.closest?.("[data-card]");
  if (!card || event.target.matches("input:not([type=checkbox]), select, textarea")) return;
  event.preventDefault();
  const [list, before] = goalOf(card, event.key) || [];
  if (list) move(card, list, { refocus: true, before });
});
document.addEventListener("submit", (event) => {
  const card = event.target.closest("#board [data-card]");
  const list = card && listOf(event.target.elements.to.value);
  if (!list) return;
  event.preventDefault();
  move(card, list, { refocus: true });
}, true);
document.addEventListener("renewed", ready);
ready();
