// [data-since] shows the hours and minutes since then, and goes on counting.
function tick() {
  for (const time of document.querySelectorAll("[data-since]")) {
    const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(time.dataset.since)) / 60_000));
    time.textContent = `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
  }
}
if (document.querySelector("[data-since]")) setInterval(tick, 15_000);
