// The pipeline board: Alt or Shift with an arrow moves a card, by sending the form that it carries.
import { say } from "./toast.js";

export const board = () => document.querySelector("#board");
const live = document.querySelector("#announce");
const column = (list) => list.closest(".column");
const nameOf = (list) => column(list).querySelector("[data-column-name]").textContent.trim();
const goal = (list) => (list.dataset.status ? `status:${list.dataset.status}` : `stage:${list.dataset.stage}`);
const focusCard = (id) => board().querySelector(`[data-deal="${CSS.escape(id)}"] h3 a`)?.focus();

function ready() {
  for (const card of board()?.querySelectorAll("[data-deal]") ?? []) {
    if (!card.querySelector("form")) continue; // a viewer's card has no form and stays put
    card.draggable = true;
    for (const link of card.querySelectorAll("a")) link.draggable = false;
  }
}

export async function move(card, list, refocus) {
  const from = card.parentElement;
  const form = card.querySelector("form");
  if (!form || from === list || card.dataset.moving !== undefined) return;
  const after = card.nextElementSibling;
  const title = card.querySelector("h3").textContent.trim();
  form.elements.to.value = goal(list);
  const body = new URLSearchParams(new FormData(form));
  card.querySelector("details.menu")?.removeAttribute("open");
  card.dataset.moving = "";
  list.prepend(card);
  if (refocus) focusCard(card.dataset.deal);
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
    const text = await answer.text();
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.querySelector("#board");
    if (!answer.ok || !fresh) throw new Error(page.querySelector("[data-reason]")?.textContent.trim() || "The server refused it.");
    swap(fresh, card.dataset.deal);
    live.textContent = `${title} moved to ${nameOf(list)}`;
  } catch (problem) {
    delete card.dataset.moving;
    from.insertBefore(card, after?.parentElement === from ? after : null);
    form.elements.to.value = goal(from);
    if (refocus) focusCard(card.dataset.deal);
    say(`${title} was not moved. ${problem.message}`, { bad: true });
  }
}

function swap(fresh, id) {
  const old = board();
  const focused = old.contains(document.activeElement) && document.activeElement.closest("[data-deal]")?.dataset.deal;
  const { scrollLeft } = old;
  old.replaceWith(fresh);
  fresh.scrollLeft = scrollLeft;
  ready();
  if (focused) focusCard(focused === id ? id : focused);
}

document.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const card = step && (event.altKey || event.shiftKey) && event.target.closest?.("[data-deal]");
  if (!card || event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  const lists = [...board().querySelectorAll(".cards")];
  const list = lists[lists.indexOf(card.parentElement) + step];
  if (list) move(card, list, true);
});
document.addEventListener("submit", (event) => {
  const card = event.target.closest("#board [data-deal]");
  const list = card && [...board().querySelectorAll(".cards")].find((one) => goal(one) === event.target.elements.to.value);
  if (!list) return;
  event.preventDefault();
  move(card, list, true);
}, true);
ready();
