// A[data-quick-add] (the key C) opens a small form in place: title, project, owner and day are those of the page it leads to,
// which opens where this does not work.
import { pageOf, renew } from "./renew.js";
import { say } from "./toast.js";

const FIELDS = ["title", "ownerId", "dueDate"];
let dialog = null;

/** The form of the page for a new task, cut down to what is asked here. */
async function fill(query) {
  const answer = await fetch(`/tasks/new${query}`);
  const page = await pageOf(answer);
  const form = page.querySelector("form[action='/tasks/new'][method=post]");
  if (!answer.ok || !form) throw new Error("There is no project to add to.");
  const small = Object.assign(document.createElement("form"), { className: "form", method: "post", noValidate: true });
  small.action = "/tasks/new";
  small.append(Object.assign(document.createElement("h2"), { textContent: "New task" }));
  small.append(...form.querySelectorAll(":scope > input[type=hidden]"));
  const fields = Object.assign(document.createElement("div"), { className: "fields" });
  for (const name of FIELDS) fields.append(form.elements[name].closest(".field"));
  const project = page.querySelector("#in-project");
  if (project) {
    const field = Object.assign(document.createElement("div"), { className: "field full" });
    const label = Object.assign(document.createElement("label"), { htmlFor: "quick-project", textContent: "Project" });
    project.id = "quick-project";
    project.removeAttribute("data-autosubmit");
    project.removeAttribute("name");
    field.append(label, project);
    fields.append(field);
    project.addEventListener("change", async () => {
      const typed = FIELDS.map((name) => small.elements[name].value);
      await fill(`?project=${encodeURIComponent(project.value)}`);
      FIELDS.forEach((name, at) => { const field = dialog.querySelector("form").elements[name]; if (name !== "ownerId") field.value = typed[at]; });
    });
  }
  for (const field of fields.querySelectorAll("[id]:not(#quick-project)")) field.id = `quick-${field.id}`;
  for (const label of fields.querySelectorAll("label[for]:not([for^=quick])")) label.htmlFor = `quick-${label.htmlFor}`;
  const actions = Object.assign(document.createElement("div"), { className: "form-actions" });
  const wrong = Object.assign(document.createElement("p"), { className: "error", role: "alert", hidden: true });
  actions.innerHTML = `<button class="button primary">Create task</button><button class="button plain" type="button" data-closes>Cancel</button>`;
  small.append(fields, wrong, actions);
  small.addEventListener("submit", save);
  dialog.replaceChildren(small);
}

async function save(event) {
  event.preventDefault();
  const form = event.target;
  if (form.dataset.sending !== undefined) return;
  form.dataset.sending = "";
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const page = await pageOf(answer);
    if (!answer.ok) throw new Error(page.querySelector(".notice.bad li, .notice.bad p, [data-reason]")?.textContent.trim() || "The server refused it.");
    dialog.close();
    say(page.querySelector("#toasts .toast > span")?.textContent ?? "The task is added", { href: new URL(answer.url).pathname });
    renew();
  } catch (problem) {
    const wrong = form.querySelector(".error[role=alert]");
    wrong.textContent = problem instanceof TypeError ? "The server could not be reached. What you typed is still here." : problem.message;
    wrong.hidden = false;
  } finally {
    delete form.dataset.sending;
  }
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-quick-add]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.closest("details.menu")?.removeAttribute("open");
  dialog ??= document.body.appendChild(Object.assign(document.createElement("dialog"), { className: "dialog", ariaLabel: "New task" }));
  const [, key] = location.pathname.match(/^\/projects\/([A-Z0-9]+)/) ?? location.pathname.match(/^\/tasks\/([A-Z0-9]+)-\d+/) ?? [];
  try {
    await fill(key ? `?project=${key}` : "");
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[name=title]").focus();
  } catch { location.assign(link.href); }
});
