// A tree for eyes, mouse, keyboard and screen reader (the ARIA tree pattern).
//
// A node has `label`, for screen readers; `row`, for eyes; `state`,
// a class or none; `open`; `children`: none, a list, or an async function of
// one; and for Enter and click on a node without children `activate`, or
// `more`, an async function of the nodes that take its place.

import { el, failed } from "./dom.js";

const nodeOf = new WeakMap(); // By element.

export function showTree(root, nodes) {
  root.replaceChildren(...items(nodes, 1));
  number(root);
  stopAtFirst(root);
  root.onkeydown = (event) => pressed(root, event);
  root.onclick = (event) => clicked(root, event);
  return Promise.all([...root.children].map(openIfWanted));
}

// Opens the whole of a tree whose children are lists.
export async function openAll(root) {
  let item;
  while ((item = root.querySelector("[aria-expanded=false]")))
    await setOpen(item, true);
}

export function closeAll(root) {
  for (const item of root.querySelectorAll("[aria-expanded=true]"))
    setOpen(item, false);
  stopAtFirst(root);
}

// Makes an item the only one of the tree that the tab key stops at.
function stopAt(root, item) {
  for (const other of root.querySelectorAll("[tabindex='0']"))
    other.tabIndex = -1;
  if (item) item.tabIndex = 0;
}

const stopAtFirst = (root) =>
  stopAt(root, root.querySelector("[role=treeitem]"));

function items(nodes, level) {
  return nodes.map((node) => {
    const item = el(
      "li",
      {
        role: "treeitem",
        tabindex: -1,
        class: node.state,
        "aria-label": node.label,
        "aria-level": level,
        "aria-expanded": node.children ? "false" : null,
      },
      el("div", { class: "row" }, ...node.row),
    );
    nodeOf.set(item, node);
    return item;
  });
}

function number(group) {
  [...group.children].forEach((item, place, all) => {
    item.ariaPosInSet = place + 1;
    item.ariaSetSize = all.length;
  });
}

const openIfWanted = (item) =>
  nodeOf.get(item).open ? setOpen(item, true) : undefined;

async function setOpen(item, open) {
  const node = nodeOf.get(item);
  if (!node.children || isOpen(item) === open) return;
  item.setAttribute("aria-expanded", open);
  if (item.lastElementChild.role === "group") {
    item.lastElementChild.hidden = !open;
    return;
  }
  const level = Number(item.ariaLevel) + 1;
  const group = el("ul", { role: "group" });
  item.append(group);
  item.ariaBusy = "true";
  try {
    const { children } = node;
    const nodes = Array.isArray(children) ? children : await children();
    group.replaceChildren(...items(nodes, level));
    number(group);
  } catch (error) {
    group.remove();
    item.setAttribute("aria-expanded", "false");
    failed(error);
  } finally {
    item.ariaBusy = null;
  }
  await Promise.all([...group.children].map(openIfWanted));
}

const isOpen = (item) => item.getAttribute("aria-expanded") === "true";

function focus(root, item) {
  if (!item) return;
  stopAt(root, item);
  item.focus();
}

function act(root, item) {
  const node = nodeOf.get(item);
  if (node.children) setOpen(item, !isOpen(item));
  else if (node.more) replace(root, item, node.more).catch(failed);
  else node.activate?.();
}

async function replace(root, item, more) {
  const next = items(await more(), item.ariaLevel);
  const group = item.parentElement;
  item.replaceWith(...next);
  number(group);
  focus(root, next[0]);
}

function clicked(root, event) {
  const row = event.target.closest(".row");
  if (!row) return;
  focus(root, row.parentElement);
  act(root, row.parentElement);
}

const KEYS = {
  ArrowDown: (item, seen, at) => seen[at + 1],
  ArrowUp: (item, seen, at) => seen[at - 1],
  Home: (item, seen) => seen[0],
  End: (item, seen) => seen.at(-1),
  ArrowRight(item, seen, at) {
    if (item.ariaExpanded === "false") setOpen(item, true);
    else if (isOpen(item)) return seen[at + 1];
  },
  ArrowLeft(item) {
    if (!isOpen(item)) return item.parentElement.closest("[role=treeitem]");
    setOpen(item, false);
  },
  Enter: (item, seen, at, root) => act(root, item),
  " ": (item, seen, at, root) => act(root, item),
};

function pressed(root, event) {
  const item = event.target.closest("[role=treeitem]");
  const key = KEYS[event.key];
  if (!item || !key || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const seen = [...root.querySelectorAll("[role=treeitem]")].filter(
    (each) => !each.parentElement.closest("[hidden]"),
  );
  focus(root, key(item, seen, seen.indexOf(item), root));
}
