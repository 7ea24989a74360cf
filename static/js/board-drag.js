// Dragging a card into another column and, where cards have an order (data-ordered), to a place in it.
import { board, move } from "./board.js";

let dragged = null;
const under = (event) => dragged && event.target.closest?.(".column")?.querySelector(".cards");

function mark(list, before) {
  for (const other of document.querySelectorAll(".cards[data-over]")) if (other !== list) delete other.dataset.over;
  for (const card of document.querySelectorAll("[data-gap]")) if (card !== before) delete card.dataset.gap;
  if (list) list.dataset.over = "";
  if (before) before.dataset.gap = "";
}

/** The card that the dragged one would stand above; null: the end of the column. */
function below(list, y) {
  if (board().dataset.ordered === undefined) return null;
  const others = [...list.querySelectorAll("[data-card]")].filter((card) => card !== dragged);
  return others.find((card) => { const box = card.getBoundingClientRect(); return y < box.top + box.height / 2; }) ?? null;
}

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-card][draggable=true]");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.querySelector("h3").textContent.trim());
});

document.addEventListener("dragover", (event) => {
  const list = under(event);
  if (dragged) mark(list, list && below(list, event.clientY));
  if (list) event.preventDefault();
});

document.addEventListener("drop", (event) => {
  const list = under(event);
  if (!list) return;
  event.preventDefault();
  const card = dragged;
  const before = below(list, event.clientY);
  // The card may be replaced before "dragend" could reach the document, so tidy here too.
  dragged = null;
  mark(null);
  move(card, list, { before });
});

document.addEventListener("dragend", () => {
  dragged = null;
  mark(null);
});
