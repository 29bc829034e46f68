// Chips before their editor is there: the same look, drawn with the page. The editor is large, and comes with the first
// sign that somebody is at work; what is typed into a field meanwhile waits for it.
import { chipOf } from "./chip.js";
import { PLACE, read } from "./places.js";

const boxes = new Map();
let waiting = null;

/** Draw every field that takes variables and has no box yet; those that the page no longer has are let go. */
export function draw() {
  for (const [field, box] of boxes) {
    if (field.isConnected && box.isConnected) continue;
    box.remove();
    boxes.delete(field);
  }
  for (const field of document.querySelectorAll("[data-merges]")) {
    if (boxes.has(field) || field.hidden) continue;
    const label = field.labels?.[0];
    if (label && !label.id) label.id = `label-${field.id}`;
    const box = document.createElement("div");
    box.className = `${boxClass(field)} is-still`;
    const text = box.appendChild(document.createElement("div"));
    text.className = "still-text";
    text.tabIndex = 0;
    text.setAttribute("role", "textbox");
    text.setAttribute("aria-multiline", String(field.tagName !== "INPUT"));
    if (label) text.setAttribute("aria-labelledby", label.id);
    else text.setAttribute("aria-label", field.name);
    text.append(...parts(field.value));
    if (!field.value && field.placeholder) text.dataset.placeholder = field.placeholder;
    text.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.key.length > 1) return;
      event.preventDefault();
      waiting = { field, text: (waiting?.field === field ? waiting.text : "") + event.key };
    });
    field.hidden = true;
    field.after(box);
    boxes.set(field, box);
  }
}

/** Take the boxes away, and return who had the focus, and what was typed into it meanwhile. */
export function clear() {
  const focused = [...boxes].find(([, box]) => box.contains(document.activeElement))?.[0] ?? null;
  const typed = focused && waiting?.field === focused ? waiting.text : "";
  for (const [field, box] of boxes) {
    box.remove();
    field.hidden = false;
  }
  boxes.clear();
  waiting = null;
  return { focused, typed };
}

/** Put the focus into the box of a field. */
export const enter = (field) => boxes.get(field)?.firstElementChild.focus();

/** The classes of a box around a field. */
export const boxClass = (field) =>
  `chips${field.classList.contains("form-control-sm") ? " chips-sm" : ""}${field.tagName === "INPUT" ? "" : " chips-lines"}${field.classList.contains("b-code") ? " b-code" : ""}`;

function parts(value) {
  const found = [];
  let from = 0;
  for (const match of value.matchAll(PLACE)) {
    found.push(value.slice(from, match.index), chipOf(read(match)));
    from = match.index + match[0].length;
  }
  return [...found, value.slice(from)];
}
