// Screen readers hear what changed: [data-announce] of swapped-in content is copied to the page's one status region.
const region = () => document.getElementById("announcer");
let last = "";

document.addEventListener("htmx:afterSettle", (event) => {
  const target = event.detail.elt ?? event.target;
  const said = target.matches?.("[data-announce]") ? target : target.querySelector?.("[data-announce]");
  const words = said?.getAttribute("data-announce");
  if (!words || words === last || !region()) return;
  last = words;
  region().textContent = words;
});

// What polls rests while nobody looks.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.getAttribute("hx-trigger")?.startsWith("every")) event.preventDefault();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.elt.getAttribute("hx-trigger")?.startsWith("every")) event.detail.target?.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:afterRequest", (event) => event.detail.target?.removeAttribute("aria-busy"));
