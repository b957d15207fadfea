// The catalogue as a tree of codes, beside one item of it.

import {
  bar,
  button,
  byId,
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
import { findItems } from "./form.js";
import { showItem } from "./item.js";
import * as server from "./server.js";
import { showTree } from "./tree.js";

let shownPrefix;
let shownItem;

export function startBrowse() {
  picker(byId("find"), {
    find: findItems,
    pick: openItem,
  });
}

// Makes the next view read all from the server, after a change.
export function forgetShown() {
  shownPrefix = shownItem = null;
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
  if (item !== null && item !== shownItem)
    jobs.push(showItem(item).then(() => (shownItem = item)));
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
