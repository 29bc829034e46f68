// Ticked rows: <bulk-bar> shows itself with how many are ticked. Shift and a click ticks a range.
const boxes = () => [...document.querySelectorAll('input[name="id"][form="bulk"]')];
const bar = () => document.querySelector("bulk-bar");
let last = null;

function show() {
  const here = bar();
  if (!here) return;
  const all = here.querySelector('input[name="all"]');
  const ticked = boxes().filter((box) => box.checked);
  const whole = document.querySelector("[data-tick-all]");
  if (whole) {
    whole.checked = ticked.length > 0 && ticked.length === boxes().length;
    whole.indeterminate = ticked.length > 0 && !whole.checked;
  }
  if (all && !whole?.checked) all.checked = false;
  const said = here.querySelector("[data-said]");
  const count = all?.checked ? Number(said.dataset.total) : ticked.length;
  const words = `${count.toLocaleString("en-GB")} ${count === 1 ? said.dataset.one : said.dataset.many} selected`;
  if (said.textContent !== words) {
    said.textContent = words;
    const region = document.getElementById("announcer");
    if (region && count) region.textContent = words;
  }
  here.querySelector(".bulk-all")?.toggleAttribute("hidden", !whole?.checked);
  here.classList.toggle("is-on", ticked.length > 0);
}

class BulkBar extends HTMLElement {
  connectedCallback() {
    last = null;
    queueMicrotask(show); // a page that the browser brings back has its ticks
  }
}
customElements.define("bulk-bar", BulkBar);

document.addEventListener("click", (event) => {
  const box = event.target.closest?.('input[name="id"][form="bulk"]');
  if (!box) return;
  const all = boxes();
  if (event.shiftKey && last && all.includes(last)) {
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
    for (const between of all.slice(from, to + 1)) between.checked = box.checked;
  }
  last = box;
  show();
});

document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-tick-all]")) {
    for (const box of boxes()) box.checked = event.target.checked;
    show();
  } else if (event.target.matches?.('bulk-bar input[name="all"]')) show();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-tick-none]")) return;
  for (const box of boxes()) box.checked = false;
  show();
  document.querySelector("[data-tick-all]")?.focus();
});

window.addEventListener("pageshow", show);
