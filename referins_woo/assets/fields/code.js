// Code mode: numbered lines and colours for MJML and HTML. The field of the form stays, hidden, and holds what is stored.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { html } from "@codemirror/lang-html";
import { syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

const views = new Map();

/** Make an editor of every field of code; those that the page no longer has are let go. */
export function refresh(nonce) {
  for (const [field, view] of views) {
    if (field.isConnected) continue;
    view.destroy();
    views.delete(field);
  }
  for (const field of document.querySelectorAll("[data-code]")) if (!views.has(field)) make(field, nonce);
}

function make(field, nonce) {
  const label = field.labels?.[0];
  if (label && !label.id) label.id = `label-${field.id}`;
  const told = (type) => field.dispatchEvent(new Event(type, { bubbles: true }));
  const box = document.createElement("div");
  box.className = "code-lines";
  const view = new EditorView({
    doc: field.value,
    parent: box,
    extensions: [
      EditorView.cspNonce.of(nonce),
      lineNumbers(),
      highlightActiveLine(),
      history(),
      // The tab key leads on, as everywhere: whoever works by the keyboard must get out again.
      keymap.of([...historyKeymap, ...defaultKeymap]),
      EditorView.lineWrapping,
      html({ matchClosingTags: false, autoCloseTags: false }),
      syntaxHighlighting(classHighlighter),
      EditorState.tabSize.of(2),
      EditorView.contentAttributes.of({ "aria-label": "Code", ...(label ? { "aria-labelledby": label.id } : {}), spellcheck: "false", tabindex: "0" }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        field.value = update.state.doc.toString();
        told("input");
      }),
      EditorView.domEventHandlers({ blur: () => told("change") }),
    ],
  });
  field.hidden = true;
  field.after(box);
  label?.addEventListener("click", () => view.focus());
  views.set(field, view);
}

/** Put the cursor to a line that a problem names. */
export function toLine(number) {
  const view = [...views.values()][0];
  if (!view || number > view.state.doc.lines) return;
  const line = view.state.doc.line(number);
  view.dispatch({ selection: { anchor: line.from, head: line.to }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
  view.focus();
}
