// A[data-quick-add] (the key C) opens a small form in place: title, project, owner and day are those of the page it leads to,
// which opens where this does not work.
import { post } from "./post.js";
import { pageOf, renewSoon } from "./renew.js";
import { say } from "./toast.js";

const FIELDS = ["title", "ownerId", "dueDate"];
let dialog = null;
let asked = 0;

/** The form of the page for a new task, cut down to what is asked here. */
async function formOf(query) {
  const answer = await fetch(`/tasks/new${query}`);
  const page = await pageOf(answer);
  const form = page.querySelector("form[action='/tasks/new'][method=post]");
  if (!answer.ok || !form) throw new Error("There is no project to add to.");
  const small = Object.assign(document.createElement("form"), { className: "form", method: "post", noValidate: true });
  small.action = "/tasks/new";
  const head = small.appendChild(Object.assign(document.createElement("h2"), { textContent: "New task" }));
  small.append(...form.querySelectorAll(":scope > input[type=hidden]"));
  const fields = Object.assign(document.createElement("div"), { className: "fields" });
  for (const name of FIELDS) fields.append(form.elements[name].closest(".field"));
  const project = page.querySelector("#in-project");
  // A project that is not one's own is none of the choices.
  if (project?.value === small.elements.projectId.value) fields.append(choice(project));
  else head.textContent = `New task in ${page.querySelector(".crumbs a[href^='/projects/']").textContent}`;
  for (const field of fields.querySelectorAll("[id]:not(#quick-project)")) field.id = `quick-${field.id}`;
  for (const label of fields.querySelectorAll("label[for]:not([for^=quick])")) label.htmlFor = `quick-${label.htmlFor}`;
  const actions = Object.assign(document.createElement("div"), { className: "form-actions" });
  const wrong = Object.assign(document.createElement("p"), { className: "error", role: "alert", hidden: true });
  actions.innerHTML = `<button class="button primary">Create task</button><button class="button plain" type="button" data-closes>Cancel</button>`;
  small.append(fields, wrong, actions);
  small.addEventListener("submit", save);
  return small;
}

function choice(project) {
  const field = Object.assign(document.createElement("div"), { className: "field full" });
  project.id = "quick-project";
  project.removeAttribute("data-autosubmit");
  project.removeAttribute("name");
  field.append(Object.assign(document.createElement("label"), { htmlFor: project.id, textContent: "Project" }), project);
  project.addEventListener("change", () => turnTo(project));
  return field;
}

/** The form for another project, with what is typed already. Until it is here nothing is typed or sent: it would go to the old one. */
async function turnTo(project) {
  const { form } = project;
  form.inert = true;
  try {
    const fresh = await formOf(`?project=${encodeURIComponent(project.value)}`);
    if (!form.isConnected) return;
    for (const name of FIELDS) if (form.elements[name].value) take(fresh.elements[name], form.elements[name].value);
    dialog.replaceChildren(fresh);
  } catch {
    form.inert = false;
    project.value = form.elements.projectId.value;
    complain(form, "The project could not be changed. It is still the one before.");
  }
  dialog.querySelector("#quick-project")?.focus();
}

/** Who owned it may not be in that project. */
function take(field, value) {
  if (!field.options || [...field.options].some((option) => option.value === value)) field.value = value;
}

function complain(form, text) {
  const wrong = form.querySelector(".error[role=alert]");
  wrong.textContent = text;
  wrong.hidden = false;
}

async function save(event) {
  event.preventDefault();
  const form = event.target;
  if (form.dataset.sending !== undefined) return;
  form.dataset.sending = "";
  try {
    const { answer, page } = await post(form.action, new FormData(form), "#main");
    if (!answer.ok) throw new Error(page.querySelector(".notice.bad li, .notice.bad p")?.textContent.trim() || "The server refused it.");
    if (form.isConnected) dialog.close();
    say(page.querySelector("#toasts .toast > span")?.textContent ?? "The task is added", { href: new URL(answer.url).pathname });
    renewSoon();
  } catch (problem) {
    // Whoever has closed it meanwhile is told all the same.
    if (form.isConnected && dialog.open) complain(form, problem.message);
    else say(`The task was not added. ${problem.message}`, { bad: true });
  } finally {
    delete form.dataset.sending;
  }
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-quick-add]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const menu = link.closest("details.menu[open]");
  const mine = ++asked;
  const [, key] = location.pathname.match(/^\/projects\/([A-Z0-9]+)/) ?? location.pathname.match(/^\/tasks\/([A-Z0-9]+)-\d+/) ?? [];
  try {
    const form = await formOf(key ? `?project=${key}` : "");
    // Pressed twice it is still one form.
    if (mine !== asked || dialog?.open) return;
    dialog ??= document.body.appendChild(Object.assign(document.createElement("dialog"), { className: "dialog", ariaLabel: "New task" }));
    dialog.replaceChildren(form);
    // The focus comes back to where it was; a link in a closed menu could not take it.
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    dialog.showModal();
    form.elements.title.focus();
  } catch { location.assign(link.href); }
});
