// A board: Alt or Shift with an arrow moves a card, by sending the form that it carries.
import { become, pageOf } from "./renew.js";
import { say } from "./toast.js";

export const board = () => document.querySelector("#board");
const live = document.querySelector("#announce");
const column = (list) => list.closest(".column");
const nameOf = (list) => column(list).querySelector("[data-column-name]").textContent.trim();
const focusCard = (id) => board().querySelector(`[data-card="${CSS.escape(id)}"] h3 a`)?.focus();
const isOrdered = () => board().dataset.ordered !== undefined;

function ready() {
  for (const card of board()?.querySelectorAll("[data-card]") ?? []) {
    if (!card.querySelector("form")) continue; // a viewer's card has no form and stays put
    card.draggable = true;
    for (const link of card.querySelectorAll("a")) link.draggable = false;
  }
}

/** `before`: the card that it shall stand above; null is the end, where cards have an order. */
export async function move(card, list, { refocus = false, before = null } = {}) {
  const from = card.parentElement;
  const form = card.querySelector("form");
  const stays = from === list && (!isOrdered() || before === card.nextElementSibling);
  if (!form || stays || card.dataset.moving !== undefined) return;
  const after = card.nextElementSibling;
  const title = card.querySelector("h3").textContent.trim();
  form.elements.to.value = list.dataset.goal;
  if (form.elements.before) form.elements.before.value = before?.dataset.card ?? "";
  const body = new URLSearchParams(new FormData(form));
  card.querySelector("details.menu")?.removeAttribute("open");
  card.dataset.moving = "";
  if (isOrdered()) list.insertBefore(card, before);
  else list.prepend(card);
  if (refocus) focusCard(card.dataset.card);
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
    const page = await pageOf(answer);
    const fresh = page.querySelector("#board");
    if (!answer.ok || !fresh) throw new Error(page.querySelector("[data-reason]")?.textContent.trim() || "The server refused it.");
    become(board(), fresh);
    live.textContent = `${title} moved to ${nameOf(list)}`;
  } catch (problem) {
    delete card.dataset.moving;
    from.insertBefore(card, after?.parentElement === from ? after : null);
    form.elements.to.value = from.dataset.goal;
    if (refocus) focusCard(card.dataset.card);
    say(`${title} was not moved. ${problem.message}`, { bad: true });
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
  const isArrow = ["ArrowLeft", "ArrowRight", ...(board()?.dataset.ordered === undefined ? [] : ["ArrowUp", "ArrowDown"])].includes(event.key);
  const card = isArrow && (event.altKey || event.shiftKey) && event.target.closest?.("[data-card]");
  if (!card || event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  const [list, before] = goalOf(card, event.key) || [];
  if (list) move(card, list, { refocus: true, before });
});
document.addEventListener("submit", (event) => {
  const card = event.target.closest("#board [data-card]");
  const list = card && [...board().querySelectorAll(".cards")].find((one) => one.dataset.goal === event.target.elements.to.value);
  if (!list) return;
  event.preventDefault();
  move(card, list, { refocus: true });
}, true);
document.addEventListener("renewed", ready);
ready();
