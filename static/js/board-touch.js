// A finger that rests on a card picks it up; one that moves at once scrolls, as everywhere. Near an edge the board scrolls.
import { board, move } from "./board.js";
import { below, mark, pickUp, putDown } from "./board-drag.js";

const REST = 350; // milliseconds until a finger holds the card
const SLIP = 8; // pixels it may slip meanwhile
const EDGE = 56; // pixels from an edge within which the board scrolls
let touch = null; // { id, card, x, y, startX, startY, ghost }
let resting;
let wasHeld = false;

function lift() {
  const { card } = touch;
  const box = card.getBoundingClientRect();
  wasHeld = true;
  touch.ghost = Object.assign(card.cloneNode(true), { className: "card ghost", ariaHidden: "true" });
  touch.ghost.removeAttribute("id");
  touch.ghost.style.inlineSize = `${box.width}px`;
  touch.ghost.style.insetInlineStart = `${box.left}px`;
  touch.ghost.style.insetBlockStart = `${box.top}px`;
  document.body.append(touch.ghost);
  pickUp(card);
  navigator.vibrate?.(10);
  requestAnimationFrame(scroll);
}

const listUnder = () => document.elementFromPoint(touch.x, touch.y)?.closest("#board .column")?.querySelector(".cards");

function show() {
  touch.ghost.style.translate = `${touch.x - touch.startX}px ${touch.y - touch.startY}px`;
  const list = listUnder();
  mark(list, list && below(list, touch.y, touch.card));
}

/** How far to go on from a point near the edges of a stretch. */
const push = (at, start, end) => (at < start + EDGE ? -1 : at > end - EDGE ? 1 : 0) * 9;

function scroll() {
  if (!touch?.ghost) return;
  const box = board().getBoundingClientRect();
  board().scrollLeft += push(touch.x, Math.max(box.left, 0), Math.min(box.right, innerWidth));
  const list = listUnder();
  if (list && list.scrollHeight > list.clientHeight) {
    const { top, bottom } = list.getBoundingClientRect();
    list.scrollTop += push(touch.y, top, bottom);
  } else {
    scrollBy(0, push(touch.y, 0, innerHeight));
  }
  show();
  requestAnimationFrame(scroll);
}

function end() {
  clearTimeout(resting);
  if (!touch) return;
  touch.card.draggable = true;
  touch.ghost?.remove();
  if (touch.ghost) putDown();
  touch = null;
}

document.addEventListener("pointerdown", (event) => {
  const card = event.pointerType !== "mouse" && event.target.closest?.("#board [data-card]");
  if (touch || !card?.draggable || event.target.closest("button, summary, input, form")) return end();
  // The browser's own way of dragging would come in between.
  card.draggable = false;
  touch = { id: event.pointerId, card, x: event.clientX, y: event.clientY, startX: event.clientX, startY: event.clientY };
  resting = setTimeout(lift, REST);
});

document.addEventListener("pointermove", (event) => {
  if (event.pointerId !== touch?.id) return;
  [touch.x, touch.y] = [event.clientX, event.clientY];
  if (touch.ghost) show();
  else if (Math.hypot(touch.x - touch.startX, touch.y - touch.startY) > SLIP) letGo(event);
});

function letGo(event) {
  if (event.pointerId !== touch?.id) return;
  const { card, ghost, y } = touch;
  const list = ghost && event.type === "pointerup" ? listUnder() : null;
  const before = list && below(list, y, card);
  // No "touchend" follows what the browser has taken away.
  if (event.type === "pointercancel") wasHeld = false;
  end();
  if (list) move(card, list, { before });
}
document.addEventListener("pointerup", letGo);
document.addEventListener("pointercancel", letGo);

// While a card is held the page does not scroll under the finger, no menu opens, and letting go is no press on a link.
if (board()) {
  document.addEventListener("touchmove", (event) => { if (touch?.ghost) event.preventDefault(); }, { passive: false });
  document.addEventListener("touchend", (event) => { if (wasHeld) event.preventDefault(); wasHeld = false; }, { passive: false });
  document.addEventListener("contextmenu", (event) => { if (touch) event.preventDefault(); });
}
