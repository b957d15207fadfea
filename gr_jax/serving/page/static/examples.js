// What there is to click before anybody has typed.

import { byId, count, el, quoted } from "./dom.js";
import { address } from "./place.js";
import { purchases } from "./form.js";

export function showExamples(about) {
  byId("example-queries").replaceChildren(
    ...about.queries.map((q) =>
      el("li", {}, el("a", { class: "chip", href: address({ q }) }, q)),
    ),
  );
  byId("queries-title").hidden = !about.queries.length;
  byId("example-shoppers").replaceChildren(...about.shoppers.map(shopper));
  byId("shoppers-title").hidden = !about.shoppers.length;
}

const shopper = ({ name, history }) =>
  el(
    "li",
    {},
    el(
      "a",
      {
        class: "chip",
        href: address({ q: "", history: purchases(history) }),
      },
      `Buys ${name}`,
    ),
    el(
      "small",
      {},
      `${count(history.length, "purchase")}, last ` +
        quoted(history.at(-1).text),
    ),
  );
