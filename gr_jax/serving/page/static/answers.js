// The answers: the ranked items, and the beams as a tree of codes.

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
import { leaf, openItem } from "./browse.js";
import { address } from "./place.js";
import { addToHistory, body, describe } from "./form.js";
import * as server from "./server.js";
import { closeAll, openAll, showTree } from "./tree.js";

const FIRST = 10; // Answers shown before the button for all.
const OPEN = 3; // Answers whose codes are shown at once.

const keyOf = (codes) => codes.join();
let pending;

export function startAnswers() {
  byId("open-beams").onclick = () => openAll(byId("beams"));
  byId("close-beams").onclick = () => closeAll(byId("beams"));
  byId("all-answers").onclick = () => {
    const hidden = byId("answers").querySelectorAll("li[hidden]");
    for (const each of hidden) each.hidden = false;
    byId("all-answers").hidden = true;
    hidden[0].querySelector("a").focus();
  };
}

export async function search() {
  pending?.abort();
  pending = new AbortController();
  const { signal } = pending;
  const request = body();
  const filtered = Object.keys(request.filters).length > 0;
  const waiting = setTimeout(() => {
    byId("status").textContent = "Searching. The first search takes longest.";
  }, 400);
  byId("results").ariaBusy = "true";
  try {
    const [found, plain] = await Promise.all([
      server.post("explain", request, signal),
      filtered && server.post("explain", { ...request, filters: {} }, signal),
    ]);
    show(found, plain || found, filtered);
  } catch (error) {
    if (error.name === "AbortError") return;
    byId("status").textContent = "No answer.";
    byId("found").hidden = true;
    throw error;
  } finally {
    clearTimeout(waiting);
    if (!signal.aborted) byId("results").ariaBusy = "false";
  }
}

function show(found, plain, filtered) {
  [...found.items, ...plain.items].forEach(server.remember);
  const ids = new Set(found.items.map(({ id }) => id));
  const before = new Map(plain.items.map(({ id }, place) => [id, place + 1]));
  const out = plain.items.filter(({ id }) => !ids.has(id));
  const brought = found.items.filter(({ id }) => !before.has(id));
  byId("status").textContent = summary(found, filtered, out, brought);
  byId("found").hidden = false;
  showAnswers(found.items, before);
  byId("filtered").hidden = !out.length;
  byId("filtered").querySelector("summary").textContent =
    `Filtered out (${out.length})`;
  byId("filtered-out").replaceChildren(...out.map((item) => answer(item)));
  showTree(byId("beams"), beamNodes(found, plain));
  // Where the form fills the screen.
  byId("status").scrollIntoView({ block: "nearest" });
}

function summary(found, filtered, out, brought) {
  const ids = new Set(found.items.map((item) => keyOf(item.semantic_id)));
  const sentences = [
    `${count(found.items.length, "item")} of ${count(ids.size, "ID")} for ` +
      `${describe()}, found in ${found.milliseconds.search.toFixed(0)} ms.`,
  ];
  if (filtered)
    sentences.push(`Filters took ${out.length} out, brought ${brought.length} in.`);
  if (found.ignored.length)
    sentences.push(`Not in the catalogue: ${found.ignored.join(", ")}.`);
  for (const [word, known] of Object.entries(found.read_as))
    sentences.push(`“${word}” is read as “${known}”.`);
  if (found.unknown_words.length)
    sentences.push(`Unknown words: ${found.unknown_words.join(", ")}.`);
  return sentences.join(" ");
}

function showAnswers(items, before) {
  byId("answers").replaceChildren(
    ...items.map((item, i) => {
      const place = before.get(item.id);
      const line = answer(
        item,
        !place ? "brought in" : place !== i + 1 ? `was ${place}` : null,
      );
      line.hidden = i >= FIRST;
      return line;
    }),
  );
  byId("all-answers").hidden = items.length <= FIRST;
  byId("all-answers").textContent = `Show all ${items.length}`;
}

function answer(item, mark = null) {
  const likely = Math.exp(item.score);
  const facts = listed(
    price(item.price),
    !item.in_stock && "not in stock",
    `ID ${codesText(item.semantic_id)}`,
  );
  return el(
    "li",
    { class: mark === "brought in" ? "in" : null },
    el(
      "div",
      { class: "answer" },
      el("a", { href: address({ view: "browse", item: item.id }) }, item.text),
      el("span", { class: "figure", title: "Probability" }, percent(likely)),
    ),
    bar(likely),
    el(
      "div",
      { class: "answer" },
      el("small", {}, facts),
      mark && el("small", { class: "mark" }, mark),
      button("+ bought", () => addToHistory(item), {
        class: "small",
        "aria-label": `Bought: ${item.text}`,
        title: "Add to what was bought before",
      }),
    ),
  );
}

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
        { class: "text", title: prefix.topic?.category },
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
