// A command is an element of the page: a link, a button, or a field that carries a key.

/** What stands on it, or beside it. */
export function nameOf(element) {
  const spoken = element.ariaLabel ?? element.labels?.[0]?.textContent;
  const shown = [...element.childNodes].filter((node) => !node.matches?.("kbd, svg, .count, .avatar"));
  return (spoken ?? shown.map((node) => node.textContent).join(" ")).replace(/\s+/g, " ").trim();
}

/** Follows, presses or ticks it; a field gets the focus, in a menu the first one. */
export function perform(element) {
  if (element.matches("input:not([type=checkbox]), select, textarea")) {
    const drawer = element.closest("[popover]");
    if (drawer && !element.checkVisibility()) drawer.showPopover();
    element.focus();
    element.select?.();
  } else {
    element.click();
    if (element.matches("details[open] > summary")) element.parentElement.querySelector("select, a, button")?.focus();
  }
}
