// form[data-swap] is sent behind the page, which then takes over the main part of the answer: place and focus stay.
import { say } from "./toast.js";

const alike = (action) => [...document.forms].filter((form) => form.getAttribute("action") === action);

/** Finds the control that has the focus in the new page: by its name, in the form that stands in the same place. */
function remember(form) {
  const { name } = document.activeElement;
  const action = form.getAttribute("action");
  const at = alike(action).indexOf(form);
  return () => {
    const same = alike(action)[at];
    same?.closest("details")?.setAttribute("open", "");
    const control = name ? same?.elements[name] : same?.querySelector("button");
    (control?.focus ? control : same?.querySelector("input:not([type=hidden]), button"))?.focus();
  };
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.swap === undefined) return;
  event.preventDefault();
  if (form.dataset.sending !== undefined) return;
  form.dataset.sending = "";
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const refocus = document.activeElement?.form === form ? remember(form) : null;
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const reason = page.querySelector("[data-reason]");
    const main = page.querySelector("#main");
    if (reason || !main) throw new Error(reason?.textContent.trim() || "The server refused it.");
    document.querySelector("#main").replaceChildren(...main.childNodes);
    for (const toast of page.querySelectorAll("#toasts .toast > span")) say(toast.textContent);
    document.dispatchEvent(new Event("swapped"));
    refocus?.();
  } catch (problem) {
    delete form.dataset.sending;
    say(problem.message, { bad: true });
  }
});

// [data-autosubmit]: a choice is sent as soon as it is made.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-autosubmit], input[type=checkbox][data-autosubmit]")) event.target.form.requestSubmit();
});
