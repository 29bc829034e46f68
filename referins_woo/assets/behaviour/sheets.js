// Small forms that a link brings into the page's one dialog, and menus that close by themselves.
document.addEventListener("htmx:afterSwap", (event) => {
  const holder = event.detail.target;
  const dialog = holder?.id === "sheet-holder" ? holder.closest("dialog") : null;
  if (!dialog || !holder.firstElementChild) return;
  if (!dialog.open) dialog.showModal();
  (holder.querySelector("[autofocus]") ?? holder.querySelector("input:not([type=hidden]), button"))?.focus();
});

document.addEventListener("submit", (event) => {
  // A download leaves the page where it is: the dialog has done its work.
  if (event.target.matches("[data-download]")) setTimeout(() => event.target.closest("dialog")?.close(), 400);
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
