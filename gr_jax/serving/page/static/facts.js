// What is known of an item, each with its label.

import { codesText, el, price } from "./dom.js";

const names = (path) => path?.replaceAll(" > ", " › ");

// Pairs of a label and its text, those alone that are known.
export const known = (item) =>
  [
    ["Category", names(item.category)],
    ["Price", price(item.price)],
    ["In stock", item.in_stock === false ? "no" : null],
    ["In answers", item.paused ? "not while it is paused" : null],
    ["Predicted value", item.value == null ? null : item.value.toPrecision(3)],
    ...Object.entries(item.attributes ?? {}).map(([name, value]) => [
      name[0].toUpperCase() + name.slice(1).replaceAll("_", " "),
      attribute(value),
    ]),
  ].filter(([, text]) => text != null);

// A link where the shop gave an address; a picture would come from elsewhere.
const attribute = (value) =>
  /^https?:\/\//.test(value)
    ? el("a", { href: value, rel: "noopener noreferrer" }, value)
    : String(value);

// All of them in a line or two, below the name of the item.
export const factsLine = (item) =>
  definitions("facts", [
    ...known(item),
    ["Semantic ID", codesText(item.semantic_id)],
  ]);

export const definitions = (kind, rows) =>
  el(
    "dl",
    { class: kind },
    ...rows.map(([label, text]) =>
      el("div", {}, el("dt", {}, label), el("dd", {}, text)),
    ),
  );
