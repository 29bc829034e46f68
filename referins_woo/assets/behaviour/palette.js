// Command palette: Ctrl+K or Cmd+K opens it; the arrows go through what was found, Enter opens it.
const dialog = document.getElementById("palette");
const field = dialog?.querySelector("input[type=search]");
const found = () => [...dialog.querySelectorAll("#results a")];

if (dialog && field) {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else if (!document.querySelector("dialog[open]")) {
        dialog.showModal();
        field.select();
      }
    }
  });

  dialog.addEventListener("keydown", (event) => {
    const links = found();
    const at = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      if (next < 0) field.focus();
      else links[Math.min(next, links.length - 1)]?.focus();
    } else if (event.key === "Enter" && at < 0 && event.target === field) {
      event.preventDefault();
      if (links[0]) links[0].click();
      else field.form.submit();
    } else if (at >= 0 && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ") {
      field.focus(); // typing goes on in the field
    }
  });
}
