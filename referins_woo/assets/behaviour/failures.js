// What did not come: the old rows stay, and the page says so where it would have shown, until it is closed.
function tell(event) {
  const target = event.detail.target ?? event.target;
  const words = document.getElementById("rows-failed");
  if (target?.id === "rows" && words) {
    target.querySelector(":scope > [role=alert]")?.remove();
    target.prepend(words.content.cloneNode(true));
    return;
  }
  if (event.detail.elt?.getAttribute("hx-trigger")?.match(/^(every|load)/)) return; // it asks again, or says nothing new
  const template = document.getElementById("toast-failed");
  const toasts = document.querySelector(".toasts");
  if (!template || !toasts || toasts.querySelector("[data-failed]")) return;
  toasts.append(template.content.cloneNode(true));
}

document.addEventListener("htmx:responseError", tell);
document.addEventListener("htmx:sendError", tell);
document.addEventListener("htmx:timeout", tell);
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-reload]")) window.location.reload();
});
