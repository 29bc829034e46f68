// The button that changes between light and dark; theme.js in the head applies the choice before the first paint.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-switch]");
  if (!button) return;
  const root = document.documentElement;
  const next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
  root.setAttribute("data-bs-theme", next);
  try {
    localStorage.setItem("referins-theme", next);
  } catch {
    // The choice then lasts for this page only.
  }
});
