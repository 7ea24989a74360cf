// form[data-swap] is sent behind the page, which then takes over the main part of the answer. A form may know how to take
// back what it sends: its `undo`.
import { forget } from "./draft.js";
import { SCRIPT, Unreachable, post } from "./post.js";
import { showMain } from "./renew.js";
import { say, tell } from "./toast.js";

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.swap === undefined) return;
  event.preventDefault();
  if (form.dataset.sending !== undefined) return;
  form.dataset.sending = "";
  const { submitter } = event;
  const body = new URLSearchParams(new FormData(form, submitter));
  const again = () => form.isConnected && form.requestSubmit(submitter);
  const { undo } = form;
  try {
    const { page } = await post(form.action, body, "#main");
    forget(form);
    showMain(page, { sent: form });
    for (const toast of page.querySelectorAll("#toasts .toast")) {
      if (undo) say(toast.querySelector("span").textContent, { undo });
      else tell(document.adoptNode(toast));
    }
  } catch (problem) {
    if (problem instanceof Unreachable) say(`${problem.message} What you typed is still here.`, { bad: true, again });
    else say(problem.message, { bad: true });
  } finally {
    delete form.dataset.sending;
  }
});

// [data-autosubmit]: a choice is sent as soon as it is made.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-autosubmit], input[type=checkbox][data-autosubmit]")) event.target.form.requestSubmit();
});

// a[data-read="…"]: what is opened is read.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-read]");
  if (link) fetch("/inbox/done", { method: "POST", keepalive: true, redirect: "manual", headers: SCRIPT, body: new URLSearchParams({ ids: link.dataset.read }) });
});
