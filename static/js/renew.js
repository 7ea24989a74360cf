// A part of this page becomes what it is in a newer copy: only what differs changes, so focus, scrolling, open menus and
// what is being typed stay.
import { Idiomorph } from "../vendor/idiomorph.js";

const typed = "input:not([type=hidden], [type=checkbox], [type=radio]), textarea";
// What the scripts here have put on an element, a copy from the server does not know.
const kept = { open: "details", "data-news": "*" };
const AGAIN = 400; // milliseconds until somebody who was busy may be done
const MISSED = "missed";
let turn = 0;

export const pause = () => new Promise((resolve) => { setTimeout(resolve, AGAIN); });

/** Is somebody in the middle of something that a newer copy would take out of their hands? */
const isBusy = () => document.querySelector("#main :is([data-sending], [data-moving], [data-dragged])") !== null;

/** [data-held] is in somebody's hands: no newer copy changes it, save the answer to its own form. */
export const hold = (element) => { element.dataset.held ??= ""; };

/** What it has missed meanwhile it gets now. */
export function letGo(element) {
  const { held } = element.dataset;
  delete element.dataset.held;
  if (held === MISSED) renewSoon();
}

function isHeld(element, sent) {
  if (element.dataset?.held === undefined || (sent && element.closest("form") === sent)) return false;
  element.dataset.held = MISSED;
  return true;
}

export function isTouched(field) {
  // Sent again, what was typed is still the same thing.
  if (field.name === "once") return [...field.form.querySelectorAll(typed)].some(isTouched);
  if (field.matches(typed)) return field.value !== field.defaultValue;
  const chosen = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(chosen, 0);
}

const isInPlace = (element, sent) => {
  const form = element.matches("[data-inplace]") ? element : element.nextElementSibling?.closest("[data-inplace]");
  return Boolean(form) && form !== sent && !form.hidden;
};

/** `sent`: the form whose fields the copy answers; all others keep what somebody has typed. */
export function become(part, copy, { sent = null } = {}) {
  turn += 1;
  Idiomorph.morph(part, copy, {
    callbacks: {
      beforeNodeMorphed: (old) => !isHeld(old, sent) && !(old.matches?.(`${typed}, select, [name=once]`) && (old.form !== sent || !sent) && isTouched(old)),
      // A form that is open in place stays open, unless this is its answer.
      beforeAttributeUpdated: (name, element, kind) => !(name === "hidden" && isInPlace(element, sent)) && !(kind === "remove" && kept[name] && element.matches(kept[name])),
    },
  });
  document.dispatchEvent(new Event("renewed"));
}

export const pageOf = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

/** The main part of another page, here. */
export const showMain = (page, how) => become(document.querySelector("#main"), page.querySelector("#main"), how);

/** This page as it is now, or only what stands around its main part. False: not now, somebody is about something here. */
export async function renew({ main = true } = {}) {
  const before = turn;
  if (isBusy()) return false;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok || answer.redirected) return true;
    const page = await pageOf(answer);
    // What has come in meanwhile is newer than this.
    if (turn !== before || isBusy()) return false;
    const [around, copy] = [document, page].map((one) => one.querySelector(".sidebar-main"));
    if (around && copy) become(around, copy);
    if (main) showMain(page);
  } catch { /* it stays as it is */ }
  return true;
}

/** As soon as nobody is about something here. */
export async function renewSoon() {
  while (!(await renew())) await pause();
}
