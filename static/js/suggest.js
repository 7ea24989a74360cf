// Suggestions below a field: people behind an @ in a text, tasks by their titles in input[data-suggest=tasks].
// Arrows choose, Enter or Tab takes, Escape closes.
const WAIT = 120; // milliseconds without a key before the server is asked
const MOST = 8;
const workspace = document.querySelector("#palette")?.dataset.workspace;
const list = Object.assign(document.createElement("div"), { id: "suggestions", role: "listbox", ariaLabel: "Suggestions", className: "menu-panel suggestions", hidden: true });
document.body.append(list);
let field = null;
let from = 0;
let waiting;
let asked = 0;

export const headers = workspace ? { "X-Workspace-Slug": workspace } : {};

async function items(path, query) {
  const answer = await fetch(`/api/${path}?${new URLSearchParams({ limit: MOST, ...query })}`, { headers });
  return (await answer.json()).items ?? [];
}

/** What is being looked for: where it begins in the field, and how to find it. */
function wanted() {
  if (field.matches("[data-suggest=tasks]")) {
    const query = field.value.trim();
    if (query.length < 2 || /^[a-z][a-z0-9]*-\d+$/i.test(query)) return null;
    return { from: 0, ask: async () => (await items("search", { query, limit: 30 })).filter(({ type }) => type === "TASK").slice(0, MOST).map(({ key, title }) => ({ value: key, name: title, note: key })) };
  }
  const before = field.value.slice(0, field.selectionStart);
  const [, lead, search] = before.match(/(^|[\s(])@([\p{L}\p{N}._-]*(?: \p{L}*)?)$/u) ?? [];
  const task = field.closest("[data-task]")?.dataset.task;
  if (lead === undefined || !task) return null;
  return { from: before.length - search.length, ask: async () => (await items("mentionable-users", { taskId: task, search })).map(({ name, email }) => ({ value: `${name} `, name, note: email })) };
}

function choose(line) {
  for (const other of list.children) other.ariaSelected = String(other === line);
  line?.scrollIntoView({ block: "nearest" });
  if (line) field.setAttribute("aria-activedescendant", line.id);
  else field?.removeAttribute("aria-activedescendant");
}

function close() {
  list.hidden = true;
  asked += 1;
  choose(null);
  if (field?.role === "combobox") field.ariaExpanded = "false";
}

function show(found) {
  list.replaceChildren(...found.map(({ value, name, note }, number) => {
    const line = Object.assign(document.createElement("div"), { id: `suggestion-${number}`, role: "option", className: "menu-item", value });
    line.append(Object.assign(document.createElement("span"), { textContent: name }), Object.assign(document.createElement("small"), { textContent: note }));
    return line;
  }));
  const box = field.getBoundingClientRect();
  (field.closest("dialog") ?? document.body).append(list);
  list.hidden = false;
  list.style.insetInlineStart = `${Math.max(8, Math.min(box.left, innerWidth - list.offsetWidth - 8))}px`;
  list.style.insetBlockStart = `${box.bottom + list.offsetHeight + 8 > innerHeight ? Math.max(8, box.top - list.offsetHeight - 4) : box.bottom + 4}px`;
  if (field.role === "combobox") field.ariaExpanded = "true";
  choose(list.firstElementChild);
}

async function look() {
  const number = ++asked;
  const what = wanted();
  if (!what) return close();
  try {
    const found = await what.ask();
    if (number !== asked || document.activeElement !== field) return;
    from = what.from;
    if (found.length) show(found);
    else close();
  } catch { close(); }
}

function take(line) {
  const end = field.matches("textarea") ? field.selectionStart : field.value.length;
  field.setRangeText(line.value, from, end, "end");
  close();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  clearTimeout(waiting);
}

document.addEventListener("focusin", (event) => {
  if (!event.target.matches("[data-suggest=tasks], [data-editor] textarea")) return;
  field = event.target;
  if (field.matches("input")) field.role = "combobox";
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
});
document.addEventListener("focusout", (event) => { if (event.target === field) close(); });
document.addEventListener("input", (event) => {
  if (event.target !== field) return;
  clearTimeout(waiting);
  waiting = setTimeout(look, WAIT);
});
document.addEventListener("keydown", (event) => {
  if (event.target !== field || list.hidden) return;
  const lines = [...list.children];
  const at = lines.findIndex((line) => line.ariaSelected === "true");
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 + lines.length }[event.key];
  if (to !== undefined) choose(lines[to % lines.length]);
  else if ((event.key === "Enter" || event.key === "Tab") && lines[at] && !event.ctrlKey && !event.metaKey) take(lines[at]);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
// Pressed, not clicked: the field keeps the focus.
list.addEventListener("mousedown", (event) => {
  event.preventDefault();
  const line = event.target.closest("[role=option]");
  if (line) take(line);
});
