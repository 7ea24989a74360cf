// A part of this page becomes what it is in a newer copy: only what differs changes, so focus, scrolling, open menus and
// what is being typed stay.
import { Idiomorph } from "../vendor/idiomorph.js";

const typed = "input:not([type=hidden], [type=checkbox], [type=radio]), textarea";

export function isTouched(field) {
  if (field.matches(typed)) return field.value !== field.defaultValue;
  const chosen = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(chosen, 0);
}

/** `sent`: the form whose fields the copy answers; all others keep what somebody has typed. [data-held] is in somebody's hands
 *  and stays as it is. */
export function become(part, copy, { sent = null } = {}) {
  Idiomorph.morph(part, copy, {
    callbacks: {
      beforeNodeMorphed: (old) => !old.matches?.("[data-held]") && !(old.matches?.(`${typed}, select`) && (old.form !== sent || !sent) && isTouched(old)),
      beforeAttributeUpdated: (name, element, kind) => !(name === "open" && kind === "remove" && element.matches("details")),
    },
  });
  document.dispatchEvent(new Event("renewed"));
}

export const pageOf = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

/** The main part of another page, here. */
export const showMain = (page, how) => become(document.querySelector("#main"), page.querySelector("#main"), how);

/** This page as it is now, unless the server cannot be reached. */
export async function renew() {
  try {
    const answer = await fetch(location.href);
    if (answer.ok && !answer.redirected) showMain(await pageOf(answer));
  } catch { /* it stays as it is */ }
}
