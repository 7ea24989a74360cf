// Dragging a card of the pipeline board into another column.
import { move } from "./board.js";

let dragged = null;
const under = (event) => dragged && event.target.closest?.(".column")?.querySelector(".cards");

function mark(list) {
  for (const other of document.querySelectorAll(".cards[data-over]")) if (other !== list) delete other.dataset.over;
  if (list) list.dataset.over = "";
}

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-deal][draggable=true]");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.querySelector("h3").textContent.trim());
});

document.addEventListener("dragover", (event) => {
  const list = under(event);
  if (dragged) mark(list);
  if (list) event.preventDefault();
});

document.addEventListener("drop", (event) => {
  const list = under(event);
  if (!list) return;
  event.preventDefault();
  const card = dragged;
  // The card may be replaced before "dragend" could reach the document, so tidy here too.
  dragged = null;
  mark(null);
  move(card, list, false);
});

document.addEventListener("dragend", () => {
  dragged = null;
  mark(null);
});
