// [data-fold] is a column or section that can be folded. Which ones are is kept in a cookie, so that the next page comes as
// this one is left.
const KEPT = 20;

function keep(key, isFolded) {
  const known = document.cookie.split("; ").find((cookie) => cookie.startsWith("folded="))?.slice("folded=".length) ?? "";
  const others = known.split(".").filter((other) => other && other !== key);
  const keys = isFolded ? [key, ...others].slice(0, KEPT) : others;
  document.cookie = `folded=${keys.join(".")}; path=/; max-age=31536000; samesite=lax`;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-folds]");
  if (!button) return;
  const column = button.closest("[data-fold]");
  const isFolded = column.toggleAttribute("data-folded");
  button.ariaExpanded = String(!isFolded);
  keep(column.dataset.fold, isFolded);
});

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details[data-fold]")) keep(event.target.dataset.fold, !event.target.open);
}, true);
