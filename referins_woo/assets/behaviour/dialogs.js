// Native dialogs. <a data-dialog="ID" href="FULL-PAGE"> opens <dialog id="ID">; without JavaScript the link leads to
// the full page. A dialog opens with the focus on [autofocus], and gives it back to its opener.
const openers = new WeakMap();

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener && !event.metaKey && !event.ctrlKey) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (!dialog) return;
    event.preventDefault();
    openers.set(dialog, opener);
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.select?.();
    return;
  }
  const closer = event.target.closest("[data-close]");
  const dialog = closer?.closest("dialog");
  if (dialog) {
    event.preventDefault();
    dialog.close();
    return;
  }
  if (event.target instanceof HTMLDialogElement && event.target.open) {
    const box = event.target.getBoundingClientRect();
    const inside =
      event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});

// A dialog that an answer fills gives the focus back to what asked.
document.addEventListener("htmx:beforeRequest", (event) => {
  const dialog = event.detail.target?.closest?.("dialog");
  if (dialog && !dialog.open) openers.set(dialog, event.detail.elt);
});

document.addEventListener("close", (event) => openers.get(event.target)?.focus(), true);
