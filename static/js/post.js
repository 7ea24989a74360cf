// Sends what a form would, behind the page. A refusal, and a server that is not there, come back as words for a person.
import { pageOf } from "./renew.js";

export class Unreachable extends Error {
  constructor() { super("The server could not be reached."); }
}

/** For requests of other kinds. */
export const unreachable = () => { throw new Unreachable(); };

/** Says that a script asks: the server answers with what it asks for, and no page around it. */
export const SCRIPT = { "X-Requested-With": "fetch" };

/** The answer, its page, and the part of it that is wanted. */
export async function post(action, fields, wanted, { headers = {} } = {}) {
  const answer = await fetch(action, { method: "POST", body: new URLSearchParams(fields), headers }).catch(unreachable);
  const page = await pageOf(answer);
  const part = page.querySelector(wanted);
  const reason = page.querySelector("[data-reason]");
  if (reason || !part) throw new Error(reason?.textContent.trim() || "The server refused it.");
  return { answer, page, part };
}
