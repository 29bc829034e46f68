// Single keys: "/" searches, "g o" goes to orders, "?" lists them. They can be switched off (WCAG 2.1.4).
const KEY = "referins-shortcuts";
const TARGETS = { d: "/", o: "/orders", c: "/contacts", p: "/products", t: "/transactions", a: "/automations", r: "/runs", e: "/messages", i: "/settings/integrations" };
const off = () => {
  try {
    return localStorage.getItem(KEY) === "off";
  } catch {
    return false;
  }
};
let waiting = 0;

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || off()) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]")) return;
  if (waiting && Date.now() - waiting < 1200 && TARGETS[event.key]) {
    event.preventDefault();
    waiting = 0;
    window.location.href = TARGETS[event.key];
    return;
  }
  waiting = event.key === "g" ? Date.now() : 0;
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (event.key === "?") {
    const dialog = document.getElementById("shortcuts");
    if (dialog && !dialog.open) dialog.showModal();
  }
});

const box = document.getElementById("shortcuts-on");
if (box) {
  box.checked = !off();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(KEY, box.checked ? "on" : "off");
    } catch {
      // A browser that keeps nothing has them on.
    }
  });
}
