// Runs before the first paint, in the head: the theme that was chosen, else the system's; and the
// mark by which styles know that script runs. Classic script, no imports.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("referins-theme");
    } catch {
      return null;
    }
  };
  const apply = () => root.setAttribute("data-bs-theme", chosen() ?? (system.matches ? "dark" : "light"));
  apply();
  root.classList.add("js");
  system.addEventListener("change", apply);
})();
