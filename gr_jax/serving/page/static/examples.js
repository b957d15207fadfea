// What there is to click before anybody has typed.

import { byId, count, el, lastName, quoted } from "./dom.js";
import { address } from "./place.js";
import { purchases } from "./form.js";

export function showExamples({ queries, shoppers }) {
  fill("example-queries", queries.map(query));
  fill("example-shoppers", shoppers.map(shopper));
}

function fill(id, rows) {
  byId(id).replaceChildren(...rows);
  byId(id).parentElement.hidden = !rows.length;
}

const chip = (text, request) =>
  el("a", { class: "chip", href: address(request) }, text);

const query = (q) => el("li", {}, chip(q, { q }));

const shopper = ({ name, history }) =>
  el(
    "li",
    {},
    chip(`Buys ${lastName(name)}`, { q: "", history: purchases(history) }),
    el(
      "small",
      {},
      `${count(history.length, "purchase")}, last ` +
        quoted(history.at(-1).text),
    ),
  );
