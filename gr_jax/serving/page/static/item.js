// One item: what is known of it, what can be done with it, what is near it.

import { askToRemove } from "./remove.js";
import { button, byId, codesText, count, el } from "./dom.js";
import { definitions, known } from "./facts.js";
import { openChange } from "./change.js";
import { address, go } from "./place.js";
import { addToHistory } from "./form.js";
import * as server from "./server.js";

let mayChange = false;

export function startItem(about) {
  mayChange = about.may_change;
}

export async function showItem(id) {
  const path = `items/${encodeURIComponent(id)}/neighbours`;
  const { item, neighbours } = await server.get(path);
  server.remember(item);
  const title = byId("item-title");
  title.textContent = item.text;
  byId("item-body").replaceChildren(
    definitions("", [
      ["Semantic ID", codeLinks(item.semantic_id)],
      ["Item", item.id],
      ...known(item),
    ]),
    el(
      "div",
      { class: "line wrap" },
      button("Bought: add to the shopper", () => {
        addToHistory(item);
        go({ view: null });
      }),
      mayChange && button("Change", () => openChange(item)),
      mayChange && button("Remove", () => askToRemove(item)),
    ),
    el("h3", {}, "Neighbours"),
    ...neighbours.flatMap((group) => neighbourList(group, item)),
    neighbours.length
      ? ""
      : el("p", { class: "hint" }, "No other item shares a code with it."),
  );
  title.focus();
}

export function showRemoved(item) {
  const title = byId("item-title");
  title.textContent = `Removed: ${item.text}`;
  byId("item-body").replaceChildren(
    el("p", {}, "It is in no answer any more. What shoppers bought stays."),
    button("Add it again", () => openChange(null, item)),
  );
  title.focus();
}

const codeLinks = (codes) =>
  codes
    .filter((code) => code >= 0)
    .flatMap((code, depth) => [
      " ",
      el(
        "a",
        {
          class: "code",
          href: address({ prefix: codes.slice(0, depth + 1).join() }),
          "aria-label": `Code ${code}, open in the tree`,
        },
        String(code),
      ),
    ]);

function neighbourList(group, item) {
  const all = item.semantic_id.length;
  const title =
    group.shared === all
      ? `The same ID: ${count(group.items, "item")}`
      : `${group.shared} of ${all} codes shared: ${count(group.items, "item")}`;
  const more = group.items - group.answers.length;
  return [
    el("h4", {}, title),
    el(
      "ul",
      { class: "neighbours" },
      ...group.answers.map((near) =>
        el(
          "li",
          {},
          el("a", { href: address({ item: near.id }) }, near.text),
          el(
            "small",
            {},
            el("b", {}, codesText(near.semantic_id.slice(0, group.shared))),
            group.shared < all &&
              ` · ${codesText(near.semantic_id.slice(group.shared))}`,
          ),
        ),
      ),
      more > 0 &&
        el("li", { class: "hint" }, `and ${count(more, "more", "more")}`),
    ),
  ];
}
