// [data-sidebar-switch] hides the sidebar and brings it back; this browser remembers it.
const root = document.documentElement;

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-sidebar-switch]")) return;
  const isOff = root.dataset.sidebar === "off";
  if (isOff) delete root.dataset.sidebar;
  else root.dataset.sidebar = "off";
  try { localStorage.setItem("sally-sidebar", isOff ? "on" : "off"); } catch { /* lasts for this page only */ }
});
