// [data-edits="#form"] opens a form where the text stands that it changes; Escape or [data-cancels] puts the text back.
const open = (form, isOpen) => {
  form.hidden = !isOpen;
  form.previousElementSibling.hidden = isOpen;
};

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-edits]");
  const form = opener && !event.ctrlKey && !event.metaKey && document.querySelector(opener.dataset.edits);
  if (form) {
    event.preventDefault();
    open(form, true);
    const field = form.querySelector("input:not([type=hidden]), textarea");
    field.focus();
    field.setSelectionRange?.(field.value.length, field.value.length);
  }
  const cancel = event.target.closest("[data-cancels]");
  if (cancel) {
    event.preventDefault();
    leave(cancel.form ?? cancel.closest("form"));
  }
});

const openerOf = (form) => document.querySelector(`[data-edits="#${CSS.escape(form.id)}"]`);

function leave(form) {
  form.reset();
  for (const text of form.querySelectorAll("textarea")) text.dispatchEvent(new Event("input", { bubbles: true }));
  open(form, false);
  openerOf(form)?.focus();
}

// The answer to a form closes it, with the focus still in there.
document.addEventListener("renewed", () => {
  const form = document.activeElement?.closest("form[data-inplace][hidden]");
  if (form) openerOf(form)?.focus();
});

document.addEventListener("keydown", (event) => {
  const form = event.key === "Escape" && !event.defaultPrevented && event.target.closest?.("form[data-inplace]");
  if (!form) return;
  event.preventDefault();
  leave(form);
});
