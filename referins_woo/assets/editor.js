// The editor of e-mails: a sign that tells the truth, a preview that follows, variables as chips, pictures and blocks that
// can be dragged. Without it every act is a form, and the preview is drawn with the page.
import * as lively from "./fields/lively.js";

const form = () => document.getElementById("editor-form");
const sign = () => document.getElementById("editor-saved");
let unsaved = false;
let again = 0;

const say = (words, wrong = false) => {
  if (!sign()) return;
  sign().textContent = words;
  sign().classList.toggle("text-danger", wrong);
};
const ours = (event) => form() && (event.detail.elt === form() || form().contains(event.detail.elt));

document.addEventListener("input", (event) => {
  if (!form()?.contains(event.target) || !event.target.name) return;
  unsaved = true;
  say("Not saved yet…");
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (ours(event)) say("Saving…");
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status !== 409 || !form()) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
  event.detail.target = document.getElementById("editor-state");
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.requestConfig?.verb !== "post" || !form()) return;
  if (event.detail.successful) {
    unsaved = false;
    drawPreview();
  } else if (!event.detail.xhr || event.detail.xhr.status >= 500) failed();
});
document.addEventListener("htmx:sendError", () => form() && failed());
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

// A server that is away is asked again until it has taken what was typed.
function failed() {
  unsaved = true;
  say("Not saved – trying again…", true);
  window.clearTimeout(again);
  again = window.setTimeout(() => {
    if (unsaved && form()) form().dispatchEvent(new Event("change", { bubbles: true }));
  }, 3000);
}

function drawPreview() {
  const frame = document.getElementById("preview-frame");
  const state = document.getElementById("editor-state");
  const revision = state?.dataset.revision;
  for (const part of ["subject", "preheader"]) {
    const line = document.getElementById(`inbox-${part}`);
    if (line && state) line.textContent = state.dataset[part];
  }
  const counter = document.getElementById("subject-count");
  if (counter && state) counter.textContent = [...state.dataset.subject].length;
  if (!frame || !revision) return;
  const address = new URL(frame.src);
  if (address.searchParams.get("v") === revision) return;
  address.searchParams.set("v", revision);
  frame.src = address.href;
}

// After blocks were drawn anew: the focus goes where the act says.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt?.id !== "editor-form") return;
  lively.refresh();
  drawPreview();
  const wanted = form().dataset.focus;
  if (!wanted) return;
  const target = document.querySelector(wanted);
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "nearest" });
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-redraw]") && form()?.contains(event.target)) document.getElementById("editor-redraw").click();
  const chosen = event.target.closest("[data-preview-with]");
  if (chosen) {
    if (event.target.name === "sample") chosen.elements.order.value = "";
    chosen.requestSubmit();
  }
});

// Blocks are dragged by their name; the buttons do the same without a mouse.
let dragged = null;
document.addEventListener("pointerdown", (event) => {
  const name = event.target.closest("[data-blocks] > .b-block > div > .b-name");
  for (const block of document.querySelectorAll("[data-blocks] > .b-block")) block.draggable = name !== null && block.contains(name);
});
document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-blocks] > .b-block") ?? null;
  dragged?.classList.add("is-dragged");
});
document.addEventListener("dragover", (event) => {
  const over = dragged && event.target.closest?.("[data-blocks] > .b-block");
  if (!over) return;
  event.preventDefault();
  for (const block of document.querySelectorAll(".b-block.is-over")) block.classList.remove("is-over");
  over.classList.add("is-over");
});
document.addEventListener("drop", (event) => {
  const over = dragged && event.target.closest?.("[data-blocks] > .b-block");
  if (!over || over === dragged) return;
  event.preventDefault();
  const act = document.getElementById("editor-drop");
  act.value = `block:to:${dragged.dataset.place}:${over.dataset.place}`;
  act.click();
});
document.addEventListener("dragend", () => {
  for (const block of document.querySelectorAll(".b-block")) block.classList.remove("is-dragged", "is-over");
  dragged = null;
});
