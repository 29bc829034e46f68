// The fields of a page that are more than plain text: texts that show merge variables as chips, code with colours, places for
// pictures. What makes them is large, and comes with the first sign that somebody is at work: until then chips are drawn
// still, and without any of it the fields are plain text.
import * as pictures from "./pictures.js";
import * as still from "./still.js";

const nonce = document.querySelector("script[data-style-nonce]").dataset.styleNonce;
const SIGNS = ["pointermove", "pointerdown", "keydown", "focusin"];
let chips = null;
let code = null;
let atWork = false;
let failed = false;
let again = 0;

/** Make the fields that the page has now; those that it no longer has are let go. */
export async function refresh() {
  pictures.refresh();
  if (!atWork || (!chips && !failed)) still.draw();
  if (!atWork) return;
  try {
    if (document.querySelector("[data-merges]")) chips ??= await import("./chips.js");
    if (document.querySelector("[data-code]")) code ??= await import("./code.js");
  } catch {
    failed = true;
    window.clearTimeout(again);
    again = window.setTimeout(refresh, 3000);
  }
  const { focused, typed } = still.clear(); // also where it did not come: then the fields are plain text
  const inField = focused ?? document.querySelector("[data-merges]:focus");
  chips?.refresh(nonce);
  code?.refresh(nonce);
  if (!inField) return;
  if (chips) chips.enter(inField, typed);
  else {
    inField.value += typed;
    inField.focus();
  }
}

/** Put the focus into a field, whatever shows it. */
export function enter(field) {
  if (!field.hidden) field.focus();
  else if (chips) chips.enter(field, "");
  else still.enter(field);
}

/** The field that is shown by an element; the element itself where it is none of ours. */
export const fieldOf = (element) => element.closest?.(".chips")?.previousElementSibling ?? element;

function begin() {
  for (const sign of SIGNS) document.removeEventListener(sign, begin, true);
  atWork = true;
  refresh();
}
for (const sign of SIGNS) document.addEventListener(sign, begin, true);
document.addEventListener("htmx:afterSettle", (event) => {
  // Another order is previewed, or another trigger: variables hold something else, and are others.
  if (["editor-form", "preview", "variable-picker"].includes(event.detail.elt?.id)) chips?.redraw();
});
document.addEventListener("click", (event) => {
  const line = event.target.closest("[data-line]");
  if (line) code?.toLine(Number(line.dataset.line));
});
refresh();
