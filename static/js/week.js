// form[data-grid]: a grid of fields. A cell is saved when it is left, arrows and Enter go from one to the next.
import { SCRIPT, post } from "./post.js";
import { isTouched, showMain } from "./renew.js";
import { say } from "./toast.js";

const CELL = "td > :is(input, a)";
const live = document.querySelector("#announce");
let saving = Promise.resolve();

/** The cells that the server has not got, among them those that it would not take. */
const unsaved = (grid) => [...grid.querySelectorAll("td > input")].filter((cell) => isTouched(cell) || cell.ariaInvalid === "true");

async function save(grid) {
  const cells = unsaved(grid);
  if (cells.length === 0) return;
  const body = new URLSearchParams([...grid.querySelectorAll("input[type=hidden]"), ...cells].map((field) => [field.name, field.value]));
  try {
    const { page } = await post(grid.action, body, "form[data-grid]", { headers: SCRIPT });
    for (const cell of cells) if (new Map(body).get(cell.name) === cell.value) cell.defaultValue = cell.value;
    showMain(page);
    live.textContent = page.querySelector("td > [aria-invalid]") ? "" : "Saved";
  } catch (problem) {
    say(problem.message, { bad: true });
  }
}

document.addEventListener("change", (event) => {
  const grid = event.target.closest("form[data-grid]");
  if (grid) saving = saving.then(() => save(grid));
});

// Without a button of a row it is Enter, which has gone on to the next cell.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.grid === undefined || event.submitter?.name) return;
  event.preventDefault();
  saving = saving.then(() => save(event.target));
}, true);

/** The cell so many columns and rows from here, past those that hold nothing. */
function neighbour(cell, across, down) {
  let td = cell.closest("td");
  do {
    const row = down ? td.parentElement[down > 0 ? "nextElementSibling" : "previousElementSibling"] : td.parentElement;
    td = row?.cells[td.cellIndex + across];
  } while (td && !td.querySelector(`:scope > :is(input, a)`) && !td.matches("th"));
  return td?.querySelector(":scope > :is(input, a)");
}

function isAtEdge(field, key) {
  if (!field.matches("input") || field.selectionEnd - field.selectionStart === field.value.length) return true;
  return field.selectionStart === field.selectionEnd && field.selectionStart === (key === "ArrowLeft" ? 0 : field.value.length);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches?.(`form[data-grid] ${CELL}`)) return;
  const cell = event.target;
  if (event.key === "Escape" && cell.matches("input")) return cell.value = cell.defaultValue;
  if (event.key === "Enter" && cell.matches("a")) return;
  const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], Enter: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (!way || (way[0] && (event.shiftKey || !isAtEdge(cell, event.key)))) return;
  event.preventDefault();
  const next = neighbour(cell, ...way);
  if (next) next.focus();
  else if (event.key === "Enter") saving = saving.then(() => save(cell.form));
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches("form[data-grid] td > input")) event.target.select();
});

// input[data-finds]: its list is what the server finds of these kinds.
let waiting;
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches("[data-finds]") || event.inputType === "insertReplacementText") return;
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const query = field.value.trim();
    const workspace = document.querySelector("#palette")?.dataset.workspace;
    if (query.length < 2 || !workspace) return;
    try {
      const answer = await fetch(`/api/search?${new URLSearchParams({ limit: 12, types: field.dataset.finds, query })}`, { headers: { "X-Workspace-Slug": workspace } });
      const { items = [] } = await answer.json();
      const options = items.map(({ type, key, title }) => Object.assign(document.createElement("option"), { value: type === "PROJECT" ? title : `${key} ${title}` }));
      field.list.replaceChildren(...options);
    } catch { /* what is in the list stays there */ }
  }, 150);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});
