// Whoever signs out leaves nothing of theirs in this browser: no words they were writing, in no window, and no records they
// have looked at.
const THEIRS = ["sally-draft ", "sally-sent", "sally-recent-"];
const SIGNED_OUT = "sally-signed-out";

function clear() {
  for (const shelf of [sessionStorage, localStorage]) {
    for (const key of Object.keys(shelf)) if (THEIRS.some((begin) => key.startsWith(begin))) shelf.removeItem(key);
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[action='/logout']")) return;
  try {
    clear();
    // The other windows hear of it: their drafts are out of reach from here.
    localStorage.setItem(SIGNED_OUT, String(Date.now()));
  } catch { /* storage refused: nothing was kept */ }
});
addEventListener("storage", (event) => { if (event.key === SIGNED_OUT) clear(); });
