// The answers of a search: the ranked items.

import { bar, button, byId, count, el, keyOf, percent } from "./dom.js";
import { showBeams } from "./beams.js";
import { showCurl } from "./curl.js";
import { factsLine } from "./facts.js";
import { address } from "./place.js";
import { addToHistory, asked, body, describe } from "./form.js";
import { readAs } from "./sentences.js";
import * as server from "./server.js";

const FIRST = 10; // Answers shown before the button for all.

let pending;

export function startAnswers() {
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
    showCurl(byId("search-curl"), ...asked());
  } catch (error) {
    if (error.name === "AbortError") return;
    byId("status").textContent = "No answer.";
    byId("found").hidden = true;
    // Where it may be mended.
    if (error.status === 422 && filtered) byId("filter-box").open = true;
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
  byId("read-as").textContent = readAs(found);
  byId("read-as").hidden = !readAs(found);
  byId("examples").hidden = true;
  byId("found").hidden = false;
  showAnswers(found.items, before);
  byId("filtered").hidden = !out.length;
  byId("filtered").querySelector("summary").textContent =
    `Filtered out (${out.length})`;
  byId("filtered-out").replaceChildren(...out.map((item) => answer(item)));
  showBeams(found, plain);
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
  return el(
    "li",
    { class: mark === "brought in" ? "in" : null },
    el(
      "div",
      { class: "answer" },
      el("a", { href: address({ view: "browse", item: item.id }) }, item.text),
      el("span", { class: "figure" }, percent(likely)),
    ),
    bar(likely),
    el(
      "div",
      { class: "answer" },
      factsLine(item),
      mark && el("small", { class: "mark" }, mark),
      button("+ bought", () => addToHistory(item), {
        class: "small",
        "aria-label": `Bought: ${item.text}`,
        title: "Add to what was bought before",
      }),
    ),
  );
}
