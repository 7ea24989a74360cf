// #palette, opened by Ctrl or ⌘ with K: what one can do here, where one can go, what one has looked at, what the server finds.
import { nameOf, perform } from "./commands.js";
import { caps } from "./keys.js";

const WAIT = 150; // milliseconds without a key before the server is asked
const KEPT = 8;
const palette = document.querySelector("#palette");
const field = palette?.querySelector("input");
const list = palette?.querySelector("[role=listbox]");
const workspace = palette?.dataset.workspace;
const SHELF = `sally-recent-${workspace}`;
const IMAGES = { TASK: "task", COMMENT: "comment", PROJECT: "project", CLIENT: "client", ORGANIZATION: "organization", PERSON: "person", DEAL: "deals" };
let found = [];
let waiting;
let asked = 0;

const recent = () => { try { return JSON.parse(localStorage.getItem(SHELF)) ?? []; } catch { return []; } };

/** Whoever looks at a record may want to come back to it. */
function remember() {
  if (!document.querySelector("#main > .record, #main .board[data-ordered]")) return;
  const here = { name: document.title.replace(/ · Sally$/, ""), href: location.pathname };
  try { localStorage.setItem(SHELF, JSON.stringify([here, ...recent().filter((other) => other.href !== here.href)].slice(0, KEPT))); } catch { /* storage refused */ }
}

const ofElements = (selector) =>
  [...document.querySelectorAll(selector)]
    .filter((element) => !element.disabled && !element.closest("dialog") && nameOf(element))
    .map((element) => ({ name: nameOf(element), key: element.dataset.key, icon: element.querySelector("svg use"), act: () => perform(element) }));

const ofPlaces = (places) => places.map((place) => ({ ...place, act: () => top.location.assign(place.href) }));

function groups(words) {
  const fits = ({ name }) => words.every((word) => name.toLowerCase().split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word)));
  return [
    ["On this page", ofElements("#main .page-head :is(a:not(.crumbs a), button), #main [data-key]:not(:is([data-card], tbody tr, .todo-item, .result) *)")],
    ["Found", ofPlaces(found), true],
    ["Go to", ofElements(".sidebar a.nav-item")],
    ["Recent", ofPlaces(recent().filter(({ href }) => href !== location.pathname))],
    ["More", ofElements(".sidebar .menu-item, .sidebar button.nav-item")],
  ].map(([title, commands, isFound]) => [title, isFound ? commands : commands.filter(fits)]).filter(([, commands]) => commands.length > 0);
}

function option({ name, note, key, icon, act }, number) {
  const line = Object.assign(document.createElement("div"), { id: `command-${number}`, role: "option", className: "menu-item", act });
  const image = document.querySelector(".sidebar .icon").cloneNode(true);
  image.querySelector("use").setAttribute("href", icon?.getAttribute?.("href") ?? image.querySelector("use").getAttribute("href").replace(/#.*/, `#${icon ?? "arrow-right"}`));
  image.setAttribute("class", "icon");
  line.append(image, Object.assign(document.createElement("span"), { textContent: name }));
  if (note) line.append(Object.assign(document.createElement("small"), { textContent: note }));
  if (key) line.append(caps(key));
  return line;
}

function draw() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let number = 0;
  list.replaceChildren(...groups(words).map(([title, commands]) => {
    const group = Object.assign(document.createElement("div"), { role: "group", ariaLabel: title });
    group.append(Object.assign(document.createElement("p"), { textContent: title, ariaHidden: "true" }), ...commands.map((command) => option(command, number++)));
    return group;
  }));
  choose(list.querySelector("[role=option]"));
  list.toggleAttribute("data-empty", number === 0);
}

function choose(line) {
  for (const other of list.querySelectorAll("[aria-selected]")) other.removeAttribute("aria-selected");
  line?.setAttribute("aria-selected", "true");
  line?.scrollIntoView({ block: "nearest" });
  if (line) field.setAttribute("aria-activedescendant", line.id);
  else field.removeAttribute("aria-activedescendant");
}

async function ask() {
  const number = ++asked;
  const query = field.value.trim();
  if (query.length < 2) return found = [];
  try {
    const answer = await fetch(`/api/search?limit=12&query=${encodeURIComponent(query)}`, { headers: workspace ? { "X-Workspace-Slug": workspace } : {} });
    const { items = [] } = await answer.json();
    if (number !== asked) return;
    found = items.filter(({ type }) => IMAGES[type]).map(({ type, key, title, url }) => ({ name: title, note: key ?? "", icon: IMAGES[type], href: url }));
    draw();
  } catch { /* what is on the page is there without the server */ }
}

function open() {
  found = [];
  field.value = "";
  palette.showModal();
  draw();
}

function act(line) {
  if (!line) return;
  palette.close();
  line.act();
}

if (palette) {
  remember();
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    if (palette.open) palette.close();
    else if (!document.querySelector("dialog:modal")) open();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) open();
  });
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, WAIT);
    draw();
  });
  field.addEventListener("keydown", (event) => {
    const lines = [...list.querySelectorAll("[role=option]")];
    const at = lines.findIndex((line) => line.ariaSelected === "true");
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + lines.length }[event.key];
    if (to !== undefined && lines.length) choose(lines[to % lines.length]);
    else if (event.key === "Enter") act(lines[at]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => act(event.target.closest("[role=option]")));
}
