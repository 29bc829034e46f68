// The picker of merge variables: each with what it is for the order that is previewed, what to write where it is empty,
// and how it is formed. One dialog for all fields of a page; the server draws its list.
import { written } from "./places.js";

const dialog = () => document.getElementById("variable-picker");
const part = (name) => dialog().querySelector(`[data-picker=${name}]`);
const lines = () => [...dialog().querySelectorAll("[data-variable]")];
const FORMED = {
  "": (text) => text,
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  capitalize: (text) => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase(),
  title: (text) => text.toLowerCase().replace(/(?<![\p{L}])\p{L}/gu, (letter) => letter.toUpperCase()),
  "truncate(40)": (text) => (text.length > 40 ? `${text.slice(0, 39).trimEnd()}…` : text),
};
let asked = null;

/** What a variable is called, and what it is for the order that is previewed; undefined where the trigger has none. */
export function known(key) {
  const line = dialog() && lines().find((one) => one.value === key);
  return line && { label: line.dataset.label, value: line.dataset.value, kind: line.dataset.kind };
}

/** What a filter is called; as it is written where the picker does not offer it. */
export const formOf = (filter) => (filter && [...part("format").options].find((one) => one.value === filter && one !== part("own"))?.text) || filter;

/** Ask for a variable; `take` gets its text. `place`: the one to be changed. `links`: only what is an address. */
export function open(question) {
  asked = question;
  const place = question.place;
  part("title").textContent = place ? "Change a variable" : "Insert a variable";
  part("take").textContent = place ? "Change" : "Insert";
  part("remove").hidden = !place;
  part("search").value = "";
  part("fallback").value = place?.fallback ?? "";
  const own = part("own");
  const offered = !place?.format || place.format in FORMED;
  own.hidden = offered;
  own.value = offered ? "\u0000" : place.format;
  own.textContent = offered ? "" : `As written: ${place.format}`;
  part("format").value = place?.format ?? "";
  for (const line of lines()) line.checked = line.value === place?.key;
  search();
  dialog().showModal();
  (place ? (lines().find((one) => one.checked) ?? part("search")) : part("search")).focus();
}

function search() {
  // Whoever goes on typing the name by hand after {{ finds it, and its closing braces do no harm.
  const wanted = part("search").value.replace(/[{}]/g, " ").trim().toLowerCase();
  let shown = 0;
  for (const group of dialog().querySelectorAll("[data-group]")) {
    let any = false;
    for (const line of group.querySelectorAll("[data-variable]")) {
      const fits = line.dataset.words.includes(wanted) && (!asked?.links || line.dataset.kind === "link");
      line.closest("label").hidden = !fits;
      any ||= fits;
      shown += fits ? 1 : 0;
    }
    group.hidden = !any;
  }
  part("none").hidden = shown > 0;
  const visible = lines().filter((one) => !one.closest("label").hidden);
  if (!visible.some((one) => one.checked)) for (const line of lines()) line.checked = line === visible[0];
  say();
}

// What will stand there, for this order.
function say() {
  const chosen = lines().find((one) => one.checked && !one.closest("label").hidden);
  part("take").disabled = !chosen;
  part("forms").hidden = !chosen || chosen.dataset.kind !== "text";
  if (!chosen) {
    part("reads").textContent = "";
    return;
  }
  const value = chosen.dataset.value || part("fallback").value;
  const formed = (FORMED[formatOf(chosen)] ?? FORMED[""])(value);
  part("reads").textContent = formed ? `Reads “${formed}”` : "Empty here: nothing would stand there";
}

const formatOf = (chosen) => (chosen.dataset.kind === "text" || !part("own").hidden ? part("format").value : "");

function taken() {
  const chosen = lines().find((one) => one.checked && !one.closest("label").hidden);
  if (!chosen || !asked) return;
  asked.take(written({ key: chosen.value, fallback: part("fallback").value.trim(), format: formatOf(chosen) }));
  dialog().close();
}

const inside = (event) => event.target.closest?.("#variable-picker");
document.addEventListener("input", (event) => {
  if (!inside(event)) return;
  if (event.target === part("search")) search();
  else say();
});
document.addEventListener("submit", (event) => {
  if (!inside(event)) return;
  event.preventDefault();
  taken();
});
document.addEventListener("dblclick", (event) => inside(event) && event.target.closest("label") && taken());
document.addEventListener("click", (event) => {
  if (!inside(event) || event.target !== part("remove")) return;
  asked.take("");
  dialog().close();
});
document.addEventListener("keydown", (event) => {
  if (!inside(event) || !["ArrowDown", "ArrowUp"].includes(event.key) || event.target !== part("search")) return;
  // From the search the arrows lead through the list, as they do in it.
  event.preventDefault();
  const visible = lines().filter((one) => !one.closest("label").hidden);
  const at = visible.findIndex((one) => one.checked) + (event.key === "ArrowDown" ? 1 : -1);
  const next = visible[Math.max(0, Math.min(visible.length - 1, at))];
  if (!next) return;
  next.checked = true;
  next.closest("label").scrollIntoView({ block: "nearest" });
  say();
});
document.addEventListener(
  "close",
  (event) => {
    if (event.target !== dialog() || !asked) return;
    const after = asked.after;
    asked = null;
    after();
  },
  true,
);
