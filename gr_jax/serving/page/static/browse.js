// The catalogue as a tree of codes, and the items near one item.

import {
  bar,
  button,
  byId,
  codesText,
  codeText,
  count,
  el,
  figure,
  listed,
  percent,
  price,
  shortTopic,
} from "./dom.js";
import { picker } from "./picker.js";
import { address, go, place } from "./place.js";
import { addToHistory, findItems } from "./form.js";
import * as server from "./server.js";
import { showTree } from "./tree.js";

let shownPrefix = null;
let shownItem = null;

export function startBrowse() {
  picker(byId("find"), {
    find: findItems,
    pick: openItem,
  });
}

export const openItem = ({ id }) => go({ view: "browse", item: id });

// An item as a leaf of a tree.
export const leaf = (item) => ({
  label: `Item ${item.text}`,
  row: [
    el("span", { class: "text link" }, item.text),
    figure(price(item.price), true),
  ],
  activate: () => openItem(item),
});

export async function browse() {
  const prefix = place().get("prefix") ?? "";
  const item = place().get("item");
  const jobs = [];
  if (prefix !== shownPrefix) jobs.push(showPrefix(prefix));
  if (item !== null && item !== shownItem) jobs.push(showItem(item));
  await Promise.all(jobs);
}

async function showPrefix(prefix) {
  const tree = byId("tree");
  tree.ariaBusy = "true";
  try {
    const found = await server.get("tree", { prefix });
    showPath(found);
    await showTree(tree, nodesOf(found));
    shownPrefix = prefix;
  } finally {
    tree.ariaBusy = "false";
  }
}

function showPath(found) {
  const codes = found.prefix;
  const names = ["All", ...codes.map(codeText)];
  const steps = names.map((name, depth) =>
    depth === codes.length
      ? el("span", { "aria-current": "page" }, name)
      : el("a", { href: address({ prefix: codes.slice(0, depth).join() }) }, name),
  );
  byId("path").replaceChildren(
    el("p", {}, ...steps.flatMap((each) => [" › ", each]).slice(1)),
    el(
      "p",
      { class: "quiet" },
      listed(
        found.topic?.category,
        count(found.items, "item"),
        count(found.ids, "ID"),
        `${percent(found.share)} of all purchases`,
      ),
    ),
  );
}

// The children of a node from the server, or the items behind an ID.
function nodesOf(found, offset = 0, most = found.children[0]?.purchases) {
  const nodes = found.children.map((child) => branch(child, found, most));
  nodes.push(...found.answers.map(leaf));
  // A chain without a fork opens to its end.
  if (found.width === 1) nodes.forEach((node) => (node.open = true));
  const left = found.width - offset - nodes.length;
  if (left > 0) {
    const prefix = found.prefix.join();
    const next = offset + nodes.length;
    const label = `${left.toLocaleString("en")} more`;
    nodes.push({
      label,
      row: [el("span", { class: "text quiet" }, label)],
      more: async () =>
        nodesOf(await server.get("tree", { prefix, offset: next }), next, most),
    });
  }
  return nodes;
}

function branch(node, parent, most) {
  const code = codeText(node.prefix.at(-1));
  const topic = shortTopic(node.topic);
  const text = topic !== shortTopic(parent.topic) ? topic : node.examples[0];
  const share = parent.purchases ? node.purchases / parent.purchases : 0;
  const prefix = node.prefix.join();
  return {
    label: listed(
      `Code ${code}`,
      text,
      `${percent(share)} of the purchases here`,
      count(node.ids, "ID"),
      count(node.items, "item"),
    ),
    row: [
      el("span", { class: "code" }, code),
      el("span", { class: "text", title: node.examples.join("\n") }, text),
      bar(most ? node.purchases / most : 0),
      figure(percent(share)),
      figure(node.ids.toLocaleString("en"), true),
      figure(node.items.toLocaleString("en"), true),
    ],
    children: async () => nodesOf(await server.get("tree", { prefix })),
  };
}

async function showItem(id) {
  const path = `items/${encodeURIComponent(id)}/neighbours`;
  const { item, neighbours } = await server.get(path);
  server.remember(item);
  shownItem = id;
  const title = byId("item-title");
  title.textContent = item.text;
  byId("item-body").replaceChildren(
    facts(item),
    button("Bought: add to the shopper", () => {
      addToHistory(item);
      go({ view: null });
    }),
    el("h3", {}, "Neighbours"),
    ...neighbours.flatMap((group) => neighbourList(group, item)),
    neighbours.length
      ? ""
      : el("p", { class: "hint" }, "No other item shares a code with it."),
  );
  title.focus();
}

function facts(item) {
  const codes = item.semantic_id;
  const links = codes
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
  const rows = [
    ["ID", links],
    ["Item", item.id],
    ["Price", price(item.price) ?? "not known"],
    ["In stock", item.in_stock ? "yes" : "no"],
    ...(item.paused ? [["In answers", "not while it is paused"]] : []),
  ];
  return el(
    "dl",
    {},
    ...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
  );
}

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
