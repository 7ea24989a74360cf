// form[data-composer]: its <select name="type"> becomes a row of buttons.
// Parts with data-for="CALL MEETING" are shown, and sent, for those types only.
function ready() {
  for (const form of document.querySelectorAll("form[data-composer]:not(:has(> .switch))")) {
    const select = form.elements.type;
    const text = form.elements.body;
    const row = document.createElement("div");
    row.className = "switch";
    row.role = "group";
    row.ariaLabel = "Kind of entry";

    const choose = (option) => {
      select.value = option.value;
      for (const button of row.children) button.ariaPressed = String(button.value === option.value);
      if (option.dataset.placeholder) text.placeholder = option.dataset.placeholder;
      for (const part of form.querySelectorAll("[data-for]")) {
        part.hidden = !part.dataset.for.split(" ").includes(option.value);
        for (const field of part.querySelectorAll("input, select, textarea")) field.disabled = part.hidden;
      }
      const submit = form.querySelector("[data-submit-label]");
      if (submit) submit.textContent = option.dataset.submit ?? submit.dataset.submitLabel;
    };

    for (const option of select.options) {
      const button = document.createElement("button");
      button.type = "button";
      button.value = option.value;
      button.textContent = option.label;
      button.addEventListener("click", () => { choose(option); text.focus(); });
      row.append(button);
    }
    select.closest(".field").hidden = true;
    form.prepend(row);
    choose(select.selectedOptions[0]);
  }
}

// A renewed page has the plain form again.
document.addEventListener("renewed", ready);
ready();
