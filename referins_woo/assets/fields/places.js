// {{ variable|filters }} as it is stored, taken apart and written again. What the picker does not offer stays as it was.
export const PLACE = /\{\{-?\s*([A-Za-z_][\w.]*)\s*((?:\|[^{}]*?)?)\s*-?\}\}/g;
const DEFAULT = /^\|\s*(?:default|d)\(\s*(?:'([^']*)'|"([^"]*)")\s*\)\s*/;

/** The parts of a match: key, what stands there if it is empty, and the filter that forms it. */
export function read(match) {
  const [text, key, filters] = match;
  const found = DEFAULT.exec(filters);
  const format = filters.slice(found?.[0].length ?? 0).replace(/^\|\s*/, "").trim();
  return { text, key, fallback: found ? (found[1] ?? found[2]) : "", format };
}

/** The same parts as text. A literal knows no escapes: it stands in those quotes that it does not hold. */
export function written({ key, fallback, format }) {
  const words = fallback.replace(/[{}]/g, "");
  const quoted = words.includes("'") ? `"${words.replaceAll('"', "”")}"` : `'${words}'`;
  return `{{ ${key}${words ? `|default(${quoted})` : ""}${format ? `|${format}` : ""} }}`;
}
