// Space shows the record of the row that has the focus beside the list, which stays as it is; J and K go on, Escape closes.
// The record is its own page in a frame: everything on it works. The list is renewed when it has closed.
import { find, focusedRow } from "./keys.js";
import { renewSoon } from "./renew.js";

const PROPERTIES = ["s", "p", "a", "l", "d", "e", "t"];
const isFramed = self !== top;
const recordOf = (row) => row?.querySelector("a[href^='/tasks/'], a[href^='/crm/'], a[href^='/clients/']")?.getAttribute("href");
let frame = null;
let back = null;

function make() {
  const panel = document.createElement("dialog");
  panel.className = "peek";
  panel.ariaLabel = "Beside the list";
  panel.innerHTML = `<header><a class="button small" target="_top">Open</a><button class="button plain small" data-closes>Close <kbd>Esc</kbd></button></header><iframe title="Record"></iframe>`;
  panel.addEventListener("close", () => {
    show("about:blank");
    back?.focus();
    renewSoon();
  });
  document.body.append(panel);
  frame = panel.querySelector("iframe");
  return panel;
}

/** What was shown before is no step on the way back. */
const show = (href) => frame.contentWindow.location.replace(href);

function peek(href, key) {
  const panel = document.querySelector(".peek") ?? make();
  panel.querySelector("a").href = href;
  show(href);
  // The key that brought it here goes on to the field it is for.
  if (key) frame.addEventListener("load", () => frame.contentDocument.dispatchEvent(new CustomEvent("peeked", { detail: key })), { once: true });
  if (!panel.open) panel.show();
  back?.focus();
}

document.addEventListener("keydown", (event) => {
  const panel = document.querySelector(".peek[open]");
  if (event.key === "Escape" && (panel || isFramed) && !document.querySelector("dialog:modal, details.menu[open]")) {
    event.preventDefault();
    return isFramed ? frameElement.closest("dialog").close() : panel.close();
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isFramed) return;
  const row = document.activeElement?.matches("a") && focusedRow();
  const href = row && recordOf(row);
  if (!href || (event.key !== " " && !(PROPERTIES.includes(event.key) && !find(event.key)))) return;
  event.preventDefault();
  if (panel && event.key === " ") return panel.close();
  back = document.activeElement;
  peek(href, event.key === " " ? null : event.key);
});

document.addEventListener("focusin", () => {
  const panel = document.querySelector(".peek[open]");
  const href = panel && recordOf(focusedRow());
  if (!href || frame.contentWindow.location.pathname === href) return;
  back = document.activeElement;
  peek(href);
});

if (isFramed) {
  document.documentElement.dataset.framed = "";
  document.addEventListener("peeked", (event) => find(event.detail)?.focus());
  // A link leads on in the whole window.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]:not([href^='#'], [data-opens])");
    if (link && !link.target) link.target = "_top";
  });
}
