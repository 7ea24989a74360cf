// [data-theme-button] cycles system → light → dark; [data-theme-name] inside it says which.
const NEXT = { system: "light", light: "dark", dark: "system" };
const root = document.documentElement;
const current = () => root.dataset.theme ?? "system";

function name(button) {
  const label = button.querySelector("[data-theme-name]");
  if (label) label.textContent = current();
}

const buttons = document.querySelectorAll("[data-theme-button]");
for (const button of buttons) {
  name(button);
  button.addEventListener("click", () => {
    const theme = NEXT[current()];
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try { localStorage.setItem("sally-theme", theme); } catch { /* lasts for this page only */ }
    buttons.forEach(name);
  });
}
