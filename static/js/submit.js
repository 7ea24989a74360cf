// A form is sent once; Ctrl or ⌘ with Enter sends the form of a text area.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.submitter?.formMethod === "dialog" || event.target.method === "get") return;
  const form = event.target;
  if (form.dataset.sending !== undefined) return event.preventDefault();
  form.dataset.sending = "";
  // Next turn: a disabled button would not be sent along with the form.
  setTimeout(() => {
    for (const button of form.querySelectorAll("button:not([type=button])")) {
      button.disabled = true;
      button.ariaBusy = "true";
    }
  });
});

// Coming back with the browser's Back button: the page is as it was, so open it again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sending]")) {
    delete form.dataset.sending;
    for (const button of form.querySelectorAll("button[aria-busy]")) {
      button.disabled = false;
      button.ariaBusy = null;
    }
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  if (event.target.matches("textarea")) event.target.form?.requestSubmit();
});
