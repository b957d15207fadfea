// Elements made without markup: the words of a catalogue are never more than text.

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter(Boolean));
  return node;
}

export function bar(share) {
  const fill = el("span");
  // Through the object model: the page's policy allows no style in markup.
  fill.style.width = `${100 * Math.min(1, share)}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, fill);
}

export const button = (text, onclick, attributes = {}) =>
  el("button", { type: "button", onclick, ...attributes }, text);

// A number at the end of a row.
export const figure = (text, quiet = false) =>
  el("span", { class: quiet ? "figure quiet" : "figure" }, text);

// Joins those of the parts that there are.
export const listed = (...parts) => parts.filter(Boolean).join(", ");

// Lets the page show an error of what nobody waits for.
export const failed = (error) =>
  window.dispatchEvent(new CustomEvent("failed", { detail: error }));

export function percent(share) {
  if (share >= 0.9995) return "100%";
  if (share >= 0.0995) return `${(100 * share).toFixed(1)}%`;
  if (share >= 0.00001) return `${Number((100 * share).toPrecision(2))}%`;
  return share > 0 ? "<0.001%" : "0%";
}

export const count = (n, one, many = `${one}s`) =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

export const quoted = (text) => `“${text}”`;

export const price = (value) => (value == null ? null : value.toFixed(2));

// A semantic ID in words of its own: codes after an end have no meaning.
export const codesText = (codes) =>
  codes.filter((code) => code >= 0).join(" · ");

export const keyOf = (codes) => codes.join();

export const codeText = (code) => (code < 0 ? "end" : String(code));

// The last name of a category path.
export const lastName = (category) => category.split(" > ").at(-1);

export const shortTopic = (topic) => topic && lastName(topic.category);
