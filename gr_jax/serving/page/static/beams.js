// The beams of a search as a tree of codes, with and without its filters.

import {
  bar,
  byId,
  codeText,
  count,
  el,
  figure,
  keyOf,
  listed,
  percent,
  shortTopic,
} from "./dom.js";
import { leaf, openItem } from "./browse.js";
import { closeAll, openAll, showTree } from "./tree.js";

const OPEN = 3; // Answers whose codes are shown at once.

export function startBeams() {
  byId("open-beams").onclick = () => openAll(byId("beams"));
  byId("close-beams").onclick = () => closeAll(byId("beams"));
}

export const showBeams = (found, plain) =>
  showTree(byId("beams"), beamNodes(found, plain));

// Nodes of the tree of all codes, with and without the filters.
function beamNodes(found, plain) {
  const kept = new Map(found.prefixes.map((p) => [keyOf(p.prefix), p]));
  const before = new Map(plain.prefixes.map((p) => [keyOf(p.prefix), p]));
  const all = [...new Map([...before, ...kept]).values()];
  all.sort((a, b) => b.total - a.total);
  const items = Map.groupBy(
    new Map([...plain.items, ...found.items].map((i) => [i.id, i])).values(),
    (item) => keyOf(ended(item.semantic_id)),
  );
  const open = new Set(
    found.items.slice(0, OPEN).flatMap(({ semantic_id: codes }) =>
      codes.map((_, depth) => keyOf(codes.slice(0, depth + 1))),
    ),
  );
  const below = Map.groupBy(all, ({ prefix }) => keyOf(prefix.slice(0, -1)));
  const nodes = (key, topic) =>
    (below.get(key) ?? []).map((prefix) => {
      const own = keyOf(prefix.prefix);
      const behind = items.get(own) ?? [];
      const more = nodes(own, shortTopic(prefix.topic));
      if (behind.length > 1) more.push(...behind.map(leaf));
      const state = !kept.has(own) ? "out" : !before.has(own) ? "in" : null;
      return {
        ...beamRow(prefix, before.get(own), state, behind, topic),
        state,
        open: open.has(own),
        children: more.length ? more : null,
        activate: () => openItem(behind[0]),
      };
    });
  return nodes("", null);
}

// The codes of an ID to its end, which is shown once.
function ended(codes) {
  const end = codes.indexOf(-1);
  return end < 0 ? codes : codes.slice(0, end + 1);
}

function beamRow(prefix, plain, state, items, topicAbove) {
  const code = codeText(prefix.prefix.at(-1));
  const step = Math.exp(prefix.log_prob);
  const total = Math.exp(prefix.total);
  const topic = shortTopic(prefix.topic);
  const named = topic && topic !== topicAbove ? topic : "";
  const text =
    items.length > 1
      ? count(items.length, "item")
      : (items[0]?.text ?? named);
  const mark = { in: "brought in", out: "filtered out" }[state];
  const moved = state === null && plain.answers !== prefix.answers;
  return {
    label: listed(
      `Code ${code}`,
      text,
      `${percent(step)} after the codes above`,
      `${percent(total)} in all`,
      count(prefix.answers, "answer"),
      moved && `${plain.answers} without filters`,
      mark,
    ),
    row: [
      el("span", { class: "code" }, code),
      el(
        "span",
        { class: "text", title: items[0]?.text ?? prefix.topic?.category },
        el("span", {}, text),
        mark && el("small", { class: "mark" }, text && " ", mark),
      ),
      bar(step),
      figure(percent(step)),
      figure(percent(total), true),
      figure((moved ? `${plain.answers} → ` : "") + prefix.answers, true),
    ],
  };
}
