// Text fields that show merge variables by their names. The field of the form stays, hidden, and holds what is stored:
// {{ contact.first_name|default('there') }}. Loaded only where such fields are; without it they are plain text.
import { history, historyKeymap, isolateHistory, standardKeymap } from "@codemirror/commands";
import { EditorState } from "@codemirror/state";
import { Decoration, EditorView, MatchDecorator, ViewPlugin, WidgetType, keymap, placeholder } from "@codemirror/view";
import { chipOf } from "./chip.js";
import { known, open } from "./picker.js";
import { PLACE, read } from "./places.js";
import { boxClass } from "./still.js";

const views = new Map();

/** Make chips of every field that takes variables; those that the page no longer has are let go. */
export function refresh(nonce) {
  for (const [field, view] of views) {
    if (field.isConnected) continue;
    view.destroy();
    views.delete(field);
  }
  for (const field of document.querySelectorAll("[data-merges]")) if (!views.has(field)) make(field, nonce);
}

/** Put the cursor behind what stands in a field, and what was typed before its editor was there. */
export function enter(field, typed) {
  const view = views.get(field);
  if (!view) return;
  view.focus();
  const end = view.state.doc.length;
  view.dispatch({ changes: { from: end, insert: typed }, selection: { anchor: end + typed.length }, userEvent: "input.type" });
}

/** Draw the chips anew: what variables are called or hold has changed. */
export function redraw() {
  for (const view of views.values()) view.dispatch({});
}

class Chip extends WidgetType {
  constructor(place) {
    super();
    this.place = place;
    this.variable = known(place.key);
  }

  eq(other) {
    return other.place.text === this.place.text && other.variable?.label === this.variable?.label && other.variable?.value === this.variable?.value;
  }

  toDOM() {
    return chipOf(this.place);
  }

  ignoreEvent() {
    return false;
  }
}

const matcher = new MatchDecorator({
  regexp: PLACE,
  decoration: (match) => Decoration.replace({ widget: new Chip(read(match)) }),
});
const chips = ViewPlugin.fromClass(
  class {
    constructor(view) {
      this.decorations = matcher.createDeco(view);
    }

    update(update) {
      const again = update.docChanged || update.viewportChanged;
      this.decorations = again ? matcher.updateDeco(update, this.decorations) : matcher.createDeco(update.view);
    }
  },
  {
    decorations: (plugin) => plugin.decorations,
    provide: (plugin) => EditorView.atomicRanges.of((view) => view.plugin(plugin)?.decorations ?? Decoration.none),
  },
);

function make(field, nonce) {
  const oneLine = field.tagName === "INPUT";
  const label = field.labels?.[0];
  const named = label ? label.firstChild.textContent.trim() : field.name;
  if (label && !label.id) label.id = `label-${field.id}`;
  const most = field.maxLength > 0 ? field.maxLength : Infinity;
  let changed = false;
  const told = (type) => field.dispatchEvent(new Event(type, { bubbles: true }));
  const done = () => {
    if (!changed) return;
    changed = false;
    told("change");
  };
  const box = document.createElement("div");
  box.className = boxClass(field);
  const view = new EditorView({
    doc: field.value,
    parent: box,
    extensions: [
      EditorView.cspNonce.of(nonce),
      history(),
      keymap.of([{ key: "Ctrl-Space", run: (one) => choose(one, field) }, ...(oneLine ? [{ key: "Enter", run: () => (done(), true) }] : []), ...historyKeymap, ...standardKeymap]),
      EditorView.lineWrapping,
      chips,
      ...(field.placeholder ? [placeholder(field.placeholder)] : []),
      EditorView.contentAttributes.of({
        "aria-label": named,
        ...(label ? { "aria-labelledby": label.id } : {}),
        "aria-multiline": String(!oneLine),
        spellcheck: "true",
        autocapitalize: "sentences",
        tabindex: "0",
      }),
      EditorState.changeFilter.of((change) => change.newDoc.length <= Math.max(most, change.startState.doc.length)),
      ...(oneLine
        ? [
            EditorView.clipboardInputFilter.of((text) => text.replace(/\s*\n\s*/g, " ")),
            EditorState.transactionFilter.of((change) => (change.newDoc.lines > 1 ? [] : change)),
          ]
        : []),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        field.value = update.state.doc.toString();
        changed = true;
        told("input");
        if (update.transactions.some((one) => one.isUserEvent("input.type")) && isOpening(update.state)) choose(view, field);
      }),
      EditorView.domEventHandlers({
        blur: done,
        mousedown: (event) => {
          const chip = event.target.closest?.(".merge-chip");
          if (!chip) return false;
          event.preventDefault();
          const from = view.posAtDOM(chip);
          const place = placeAt(view.state, from);
          if (!place) return false;
          view.focus();
          view.dispatch({ selection: { anchor: place.from, head: place.to } });
          choose(view, field);
          return true;
        },
      }),
    ],
  });
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-icon chips-add";
  button.title = "Insert a variable (or type {{)";
  button.setAttribute("aria-label", `Insert a variable into ${named}`);
  button.append(document.getElementById("chips-icon").content.cloneNode(true));
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", () => choose(view, field));
  box.append(button);
  field.hidden = true;
  field.after(box);
  label?.addEventListener("click", () => view.focus());
  views.set(field, view);
}

const isOpening = (state) => {
  const at = state.selection.main.head;
  return state.sliceDoc(at - 2, at) === "{{" && state.sliceDoc(at - 3, at - 2) !== "{";
};

function placeAt(state, at) {
  for (const match of state.doc.toString().matchAll(PLACE)) {
    if (match.index <= at && at < match.index + match[0].length) return { ...read(match), from: match.index, to: match.index + match[0].length };
  }
  return null;
}

// The picker puts a variable where the cursor stands, or changes the one that is selected.
function choose(view, field) {
  const { from, to } = view.state.selection.main;
  const chosen = from < to ? placeAt(view.state, from) : null;
  const range = chosen ? { from: chosen.from, to: chosen.to } : { from: isOpening(view.state) ? from - 2 : from, to };
  open({
    place: chosen,
    links: field.dataset.merges === "link",
    take: (text) =>
      view.dispatch({
        changes: { ...range, insert: text },
        selection: { anchor: range.from + text.length },
        annotations: isolateHistory.of("full"),
      }),
    after: () => view.focus(),
  });
  return true;
}
