// form[data-swap] is sent behind the page, which then takes over the main part of the answer: place and focus stay.
import { say } from "./toast.js";

/** The same control in the new page: of the same form, by its name. */
function refocus(form, name) {
  const same = [...document.forms].find((one) => one.getAttribute("action") === form);
  const control = name ? same?.elements[name] : same?.querySelector("button");
  (control?.focus ? control : same?.querySelector("input:not([type=hidden]), button"))?.focus();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.swap === undefined) return;
  event.preventDefault();
  if (form.dataset.sending !== undefined) return;
  form.dataset.sending = "";
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const focused = document.activeElement?.form === form ? [form.getAttribute("action"), document.activeElement.name] : null;
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const reason = page.querySelector("[data-reason]");
    const main = page.querySelector("#main");
    if (reason || !main) throw new Error(reason?.textContent.trim() || "The server refused it.");
    document.querySelector("#main").replaceChildren(...main.childNodes);
    for (const toast of page.querySelectorAll("#toasts .toast > span")) say(toast.textContent);
    document.dispatchEvent(new Event("swapped"));
    if (focused) refocus(...focused);
  } catch (problem) {
    delete form.dataset.sending;
    say(problem.message, { bad: true });
  }
});

// [data-autosubmit]: a choice is sent as soon as it is made.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-autosubmit], input[type=checkbox][data-autosubmit]")) event.target.form.requestSubmit();
});
