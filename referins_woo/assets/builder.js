// The builder's page: a sign that always tells the truth, focus that follows, and keys. Without it every act is a form.
import * as lively from "./fields/lively.js";

const root = () => document.getElementById("builder");
const saved = () => document.getElementById("builder-saved");
let unsaved = false;

const say = (words, wrong = false) => {
  const sign = saved();
  if (!sign) return;
  sign.textContent = words;
  sign.classList.toggle("text-danger", wrong);
};
const inDrawer = (element) => element.closest?.("[data-drawer-form]");

document.addEventListener("input", (event) => {
  if (!inDrawer(event.target)) return;
  unsaved = true;
  say("Not saved yet…");
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (root()?.contains(event.detail.elt) && event.detail.requestConfig?.verb === "post") say("Saving…");
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 409 && root()) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!root() || event.detail.requestConfig?.verb !== "post") return;
  if (event.detail.successful) unsaved = false;
  else if (event.detail.xhr?.status !== 409) failed();
});

// A server that is away is asked again until it has taken what was typed.
let again = 0;
function failed() {
  unsaved = true;
  say("Not saved – trying again…", true);
  window.clearTimeout(again);
  again = window.setTimeout(() => {
    const form = document.querySelector("[data-drawer-form]");
    if (unsaved && form) form.dispatchEvent(new Event("change", { bubbles: true }));
  }, 3000);
}
document.addEventListener("htmx:sendError", () => root() && failed());
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

// While all of it is drawn anew nothing can be changed that would be lost; the focus comes back to where it was.
let was = "";
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "builder") return;
  was = inDrawer(document.activeElement) ? lively.fieldOf(document.activeElement).id : "";
  root().inert = true;
});
document.addEventListener("htmx:afterRequest", () => {
  if (root()) root().inert = false;
});
document.addEventListener("htmx:afterSettle", (event) => {
  const builder = root();
  if (!builder || event.detail.elt !== builder) return;
  lively.refresh();
  const before = was ? document.getElementById(was) : null;
  was = "";
  const target = before ?? (builder.dataset.focus ? document.querySelector(builder.dataset.focus) : null);
  const menu = target?.closest("details.b-menu");
  if (menu) menu.querySelector("summary").focus();
  else if (target) lively.enter(target);
});

document.addEventListener("keydown", (event) => {
  const builder = root();
  if (!builder || event.target.closest("dialog[open]")) return;
  const typing = event.target.closest("input, textarea, select") || event.target.isContentEditable;
  if (event.key === "Escape") {
    const menu = event.target.closest("details.b-menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
      return;
    }
    const close = builder.querySelector("[data-drawer-close]");
    if (close) {
      event.preventDefault();
      back = close.dataset.back;
      close.click();
    }
  } else if ((event.ctrlKey || event.metaKey) && !typing && event.key.toLowerCase() === "z") {
    event.preventDefault();
    builder.querySelector(`[data-key=${event.shiftKey ? "redo" : "undo"}]`)?.click();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && event.target.closest(".b-picker, .b-menu-list")) {
    const all = [...event.target.closest(".b-picker, .b-menu-list").querySelectorAll("input[type=search], a, button:not([hidden])")];
    const next = all[all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
});

// Where the focus goes back to when a drawer closes: its card, or the + that opened the picker.
let back = "";
document.addEventListener("click", (event) => {
  const close = event.target.closest("[data-drawer-close]");
  if (close) back = close.dataset.back;
  for (const menu of document.querySelectorAll("details.b-menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (!back || event.detail.elt !== root()) return;
  const card = document.getElementById(back);
  const plus = [...document.querySelectorAll(".b-plus")].find((one) => new URL(one.href).searchParams.get("add") === back);
  (card ?? plus)?.focus();
  back = "";
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-picker-search]")) return;
  const wanted = event.target.value.trim().toLowerCase();
  let shown = 0;
  for (const group of document.querySelectorAll("[data-picker-group]")) {
    let any = false;
    for (const choice of group.querySelectorAll(".b-choice")) {
      choice.hidden = !choice.dataset.words.includes(wanted);
      any ||= !choice.hidden;
      shown += choice.hidden ? 0 : 1;
    }
    group.hidden = !any;
  }
  document.querySelector("[data-picker-none]").hidden = shown > 0;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-picker-search]")) return;
  event.preventDefault();
  document.querySelector(".b-picker .b-choice:not([hidden])")?.click();
});

// A menu that was opened while typing is being saved stays open.
let menu = "";
document.addEventListener("htmx:beforeSwap", () => {
  menu = document.querySelector("details.b-menu[open] > summary")?.id ?? "";
});
document.addEventListener("htmx:afterSwap", (event) => {
  const summary = menu && event.detail.target?.id === "builder-flow" && document.getElementById(menu);
  if (!summary) return;
  summary.parentElement.open = true;
  summary.focus();
});
