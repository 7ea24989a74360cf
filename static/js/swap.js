// form[data-swap] is sent behind the page, which then takes over the main part of the answer. A form may know how to take
// back what it sends: its `undo`.
import { pageOf, showMain } from "./renew.js";
import { say, tell } from "./toast.js";

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.swap === undefined) return;
  event.preventDefault();
  if (form.dataset.sending !== undefined) return;
  form.dataset.sending = "";
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const undo = form.undo;
  try {
    const page = await pageOf(await fetch(form.action, { method: "POST", body }));
    const reason = page.querySelector("[data-reason]");
    if (reason || !page.querySelector("#main")) throw new Error(reason?.textContent.trim() || "The server refused it.");
    showMain(page, { sent: form });
    for (const toast of page.querySelectorAll("#toasts .toast")) {
      if (undo) say(toast.querySelector("span").textContent, { undo });
      else tell(document.adoptNode(toast));
    }
  } catch (problem) {
    delete form.dataset.sending;
    say(problem.message, { bad: true });
  }
});

// [data-autosubmit]: a choice is sent as soon as it is made.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-autosubmit], input[type=checkbox][data-autosubmit]")) event.target.form.requestSubmit();
});

// a[data-read="…"]: what is opened is read.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-read]");
  if (link) fetch("/inbox/done", { method: "POST", keepalive: true, redirect: "manual", headers: { "X-Requested-With": "fetch" }, body: new URLSearchParams({ ids: link.dataset.read }) });
});
