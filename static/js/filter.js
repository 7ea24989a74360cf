// form[data-filter]: each choice is an address of its own, shown here without leaving the page; Back goes to the one before.
import { pageOf, showMain } from "./renew.js";

const form = () => document.querySelector("#main form[data-filter]");
let asked = 0;

async function show(href) {
  const mine = ++asked;
  try {
    const answer = await fetch(href);
    const page = await pageOf(answer);
    if (!answer.ok || answer.redirected) throw new Error();
    if (mine !== asked) return;
    showMain(page, { sent: form() });
    form()?.reset(); // what was chosen before gives way to what the address says
  } catch {
    location.reload();
  }
}

function go(href) {
  if (href === location.href) return;
  history.pushState(null, "", href);
  show(href);
}

document.addEventListener("submit", (event) => {
  if (event.target !== form()) return;
  event.preventDefault();
  const address = new URL(event.target.action);
  const given = [...new FormData(event.target)].filter(([, value]) => value.trim());
  address.search = new URLSearchParams(given);
  go(address.href);
});

document.addEventListener("change", (event) => {
  if (event.target.form && event.target.form === form()) event.target.form.requestSubmit();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest(".chips a[href]");
  if (!link || !form() || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  form().querySelector("input[type=search]").focus();
  go(link.href);
});

if (form()) addEventListener("popstate", () => show(location.href));
