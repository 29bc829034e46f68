// How a merge variable looks in a text.
import { formOf, known } from "./picker.js";

/** The chip of a place (places.js). */
export function chipOf(place) {
  const variable = known(place.key);
  const chip = document.createElement("span");
  chip.className = variable ? "merge-chip" : "merge-chip is-unknown";
  chip.textContent = variable?.label ?? place.key;
  const more = [place.fallback && `or “${place.fallback}”`, formOf(place.format)].filter(Boolean).join(", ");
  if (more) {
    const small = chip.appendChild(document.createElement("span"));
    small.className = "merge-more";
    small.textContent = ` ${more}`;
  }
  chip.title = variable ? `${place.text}\nNow: ${variable.value || "empty"}` : `${place.text} is not known here`;
  return chip;
}
