// The page is renewed when something on it was changed elsewhere. GET /live says when, by topic, and never what; it is not
// listened to while nobody sees the page, and tells what was missed when somebody does again.
import { pause, renew } from "./renew.js";

const MARKED = 2_000;
const REST = 30_000;
const OVERLAP = 250; // what was being written while a page was read is not on it yet
const THINGS = "#main :is([data-card], tr[id], li[id])";
const main = document.querySelector("#main[data-live]");
const isFramed = self !== top;
let stream = null;
let due = null; // { inside, by }
let isRunning = false;

const covers = (topics) => main.dataset.live.split(" ").filter(Boolean)
  .some((wanted) => topics.some((topic) => (wanted.endsWith(":") ? topic.startsWith(wanted) : topic === wanted)));

const nameOf = (thing) => thing.dataset.card ?? thing.id;
/** What stands on every card and row, and where. */
const written = () => new Map([...document.querySelectorAll(THINGS)].map((thing) =>
  [nameOf(thing), `${thing.closest("[data-goal]")?.dataset.goal} ${thing.textContent.replace(/\s+/g, " ")}`]));

function mark(before, by) {
  const now = written();
  for (const thing of document.querySelectorAll(THINGS)) {
    if (before.get(nameOf(thing)) === now.get(nameOf(thing))) continue;
    thing.dataset.news = by;
    setTimeout(() => delete thing.dataset.news, MARKED);
  }
}

/** What is due becomes one renewal, an agent's if an agent had a part in it. */
const add = ({ inside, by }) => { due = { inside: inside || Boolean(due?.inside), by: due?.by === "AGENT" ? "AGENT" : by }; };

async function catchUp() {
  if (isRunning) return;
  isRunning = true;
  while (due) {
    const now = due;
    due = null;
    const before = now.inside && now.by !== "ME" ? written() : null;
    if (await renew({ main: now.inside })) {
      if (before) mark(before, now.by);
    } else {
      add(now);
      await pause();
    }
  }
  isRunning = false;
}

function hear({ topics, by, at }) {
  for (const frame of document.querySelectorAll("iframe")) frame.contentDocument?.dispatchEvent(new CustomEvent("live", { detail: { topics, by, at } }));
  document.dispatchEvent(new CustomEvent("news", { detail: topics }));
  const inside = covers(topics);
  const isCounted = !isFramed && topics.some((topic) => topic === "inbox" || topic === "crm");
  if (at + OVERLAP <= Number(main.dataset.shownAt) || !(inside || isCounted)) return;
  add({ inside, by });
  catchUp();
}

function listen() {
  if (stream || document.hidden || isFramed) return;
  const query = new URLSearchParams({ since: main.dataset.shownAt });
  const workspace = new URLSearchParams(location.search).get("workspaceSlug");
  if (workspace) query.set("workspaceSlug", workspace);
  stream = new EventSource(`/live?${query}`);
  // How far an import is, no journal tells.
  stream.onopen = () => { if (main.dataset.live.startsWith("import:")) hear({ topics: [main.dataset.live] }); };
  stream.onmessage = (event) => hear(JSON.parse(event.data));
  // It comes back by itself from a server that was away, not from a refusal.
  stream.onerror = () => { if (stream?.readyState === EventSource.CLOSED) { stop(); setTimeout(listen, REST); } };
}

function stop() {
  stream?.close();
  stream = null;
}

if (main) {
  document.addEventListener("live", (event) => hear(event.detail));
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", listen);
}
