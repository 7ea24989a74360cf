// [data-since] shows the hours and minutes since then, and goes on counting; the window's title begins with them.
const title = document.title;

function tick() {
  const times = document.querySelectorAll("[data-since]");
  for (const time of times) {
    const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(time.dataset.since)) / 60_000));
    time.textContent = `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
  }
  document.title = times.length ? `${times[0].textContent} · ${title}` : title;
}
if (document.querySelector("[data-since]")) {
  tick();
  setInterval(tick, 15_000);
}
