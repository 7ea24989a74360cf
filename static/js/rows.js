// A cell of a list, [data-edit], turns into the field for it by a press or by its key: Enter saves, Escape leaves it as it was,
// Tab goes on to the next one. The row stays where it is.
import { SCRIPT, post } from "./post.js";
import { become, hold, letGo } from "./renew.js";

let editing = null; // { cell, row, field, before, isByKey, isSaving }

const now = (row, name) => (name === "title" ? row.querySelector("[data-title]").textContent : row.querySelector("[name=task]").dataset[name]) ?? "";
const cellsOf = (row) => [...row.querySelectorAll("[data-edit]")].filter((cell) => cell.checkVisibility());

function open(cell) {
  const name = cell.dataset.edit;
  const row = cell.closest("tr");
  const field = document.querySelector(`template[data-editor="${name}"]`)?.content.firstElementChild.cloneNode(true);
  if (!field) return;
  close();
  const before = now(row, name);
  field.value = before;
  // Somebody who left, or a label list that is none of the choices.
  if (field.value !== before && field.matches("select")) field.selectedIndex = -1;
  editing = { cell, row, field, before };
  hold(cell);
  cell.append(field);
  field.focus();
  field.select?.();
  try { if (field.matches("select, [type=date]") && matchMedia("(pointer: coarse)").matches) field.showPicker(); } catch { /* only after a press */ }
}

function close({ refocus = false } = {}) {
  if (!editing) return;
  const { cell, row, field } = editing;
  editing = null;
  field.remove();
  cell.querySelector(".error")?.remove();
  letGo(cell);
  if (refocus) row.querySelector("th a").focus();
}

function refuse(reason) {
  const { cell, field } = editing;
  const error = cell.querySelector(".error") ?? Object.assign(document.createElement("span"), { className: "error", id: "row-error", role: "alert" });
  error.textContent = reason;
  cell.append(error);
  field.ariaInvalid = "true";
  field.setAttribute("aria-describedby", error.id);
  field.focus();
}

/** `then`: the cell to go on to, by name; without one the row gets the focus back. */
async function save({ then = null, refocus = true } = {}) {
  const mine = editing;
  if (!mine || mine.isSaving) return;
  const { row, field, before } = mine;
  const id = row.id;
  const goOn = () => {
    const next = then && document.getElementById(id)?.querySelector(`[data-edit="${then}"]`);
    if (next) open(next);
  };
  if (field.value === before) {
    close({ refocus: refocus && !then });
    return goOn();
  }
  mine.isSaving = true;
  try {
    const { part: fresh } = await post(row.dataset.row, { [field.name]: field.value }, "tr", { headers: SCRIPT });
    if (editing === mine) close({ refocus: refocus && !then });
    // On a list by label the task may stand in several sections.
    for (const same of document.querySelectorAll(`[data-row="${row.dataset.row}"]`)) {
      const copy = fresh.cloneNode(true);
      copy.id = same.id;
      become(same, copy);
    }
    goOn();
  } catch (problem) {
    mine.isSaving = false;
    if (editing === mine) refuse(problem.message);
  }
}

document.addEventListener("click", (event) => {
  const cell = event.target.closest("[data-row] [data-edit]");
  if (!cell || cell === editing?.cell || (cell.dataset.edit === "title" && !event.target.closest("[data-renames]"))) return;
  event.preventDefault();
  open(cell);
});

document.addEventListener("keydown", (event) => {
  if (!editing || event.target !== editing.field) return;
  editing.isByKey = true;
  if (event.key === "Escape" || event.key === "Enter") {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key === "Enter") save();
    else close({ refocus: true });
  } else if (event.key === "Tab") {
    const cells = cellsOf(editing.row);
    const next = cells[cells.indexOf(editing.cell) + (event.shiftKey ? -1 : 1)];
    if (!next) return;
    event.preventDefault();
    save({ then: next.dataset.edit });
  }
}, true);

// A choice by a press is made at once, one by arrows when somebody goes on; what is typed is kept when they go elsewhere.
document.addEventListener("change", (event) => { if (event.target === editing?.field && event.target.matches("select") && !editing.isByKey) save(); });
document.addEventListener("pointerdown", () => { if (editing) editing.isByKey = false; });
document.addEventListener("focusout", (event) => { if (event.target === editing?.field && !editing.isSaving && document.hasFocus()) save({ refocus: false }); });
