// Classic script in <head>: knows the theme and the sidebar before the first paint, and tells CSS that scripts run.
(() => {
  const root = document.documentElement;
  root.dataset.js = "";
  try {
    const theme = localStorage.getItem("sally-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("sally-sidebar") === "off") root.dataset.sidebar = "off";
  } catch { /* storage refused: follow the system */ }
})();
