// Dragging a card into another column and, where cards have an order (data-ordered), to a place in it.
import { board, isOrdered, move } from "./board.js";
import { hold, letGo } from "./renew.js";

let dragged = null;
const under = (event) => dragged && event.target.closest?.(".column")?.querySelector(".cards");

/** Shows where the card would come to stand. */
export function mark(list, before) {
  for (const other of document.querySelectorAll(".cards[data-over]")) if (other !== list) delete other.dataset.over;
  for (const card of document.querySelectorAll("[data-gap]")) if (card !== before) delete card.dataset.gap;
  if (list) list.dataset.over = "";
  if (before) before.dataset.gap = "";
}

/** The card that the dragged one would stand above; null: the end of the column. */
export function below(list, y, card) {
  if (!isOrdered()) return null;
  const others = [...list.querySelectorAll("[data-card]")].filter((other) => other !== card);
  return others.find((other) => { const box = other.getBoundingClientRect(); return y < box.top + box.height / 2; }) ?? null;
}

/** While somebody has a card in their hand the board does not change under it. */
export function pickUp(card) {
  card.dataset.dragged = "";
  hold(board());
}

export function putDown() {
  mark(null);
  delete document.querySelector("[data-dragged]")?.dataset.dragged;
  if (board()) letGo(board());
}

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-card][draggable=true]");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.querySelector("h3").textContent.trim());
  pickUp(dragged);
});

document.addEventListener("dragover", (event) => {
  const list = under(event);
  if (dragged) mark(list, list && below(list, event.clientY, dragged));
  if (list) event.preventDefault();
});

document.addEventListener("drop", (event) => {
  const list = under(event);
  if (!list) return;
  event.preventDefault();
  const card = dragged;
  const before = below(list, event.clientY, card);
  // The card may be replaced before "dragend" could reach the document, so tidy here too.
  dragged = null;
  putDown();
  move(card, list, { before });
});

document.addEventListener("dragend", () => {
  dragged = null;
  putDown();
});
