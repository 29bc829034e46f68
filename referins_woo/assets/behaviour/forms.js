// Forms: no double submit, filters that answer at once, boxes that tick others.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented || event.target.method === "dialog") return;
  setTimeout(() => {
    button.setAttribute("aria-disabled", "true");
    button.classList.add("is-busy");
  }, 150);
});
document.addEventListener("click", (event) => {
  if (event.target.closest("button[aria-disabled=true]")) event.preventDefault();
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button.is-busy")) {
    button.removeAttribute("aria-disabled");
    button.classList.remove("is-busy");
  }
});
document.addEventListener("htmx:afterRequest", () => window.dispatchEvent(new Event("pageshow")));

// <input type=checkbox data-ticks="ID"> ticks another box that it depends on.
document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches?.("[data-ticks]") && box.checked) {
    const other = document.getElementById(box.dataset.ticks);
    if (other && !other.checked) {
      other.checked = true;
      other.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
  if (box.matches?.("[data-needed-by]") && !box.checked) {
    for (const id of box.dataset.neededBy.split(" ")) {
      const other = document.getElementById(id);
      if (other?.checked) {
        other.checked = false;
        other.dispatchEvent(new Event("change", { bubbles: true }));
      }
    }
  }
  if (box.matches?.("[data-all]")) {
    for (const other of document.querySelectorAll(box.dataset.all)) other.checked = box.checked;
  }
  if (box.matches?.("[data-submit]")) box.form?.requestSubmit();
});

// <button data-copy="#ID"> copies what a field holds.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.querySelector(button.dataset.copy);
  await navigator.clipboard.writeText(field.value ?? field.textContent);
  const region = document.getElementById("announcer");
  if (region) region.textContent = "Copied";
  button.classList.add("is-done");
});
