// The form as a request, and the request as a part of the address.

import { button, byId, count, el, lastName } from "./dom.js";
import { picker } from "./picker.js";
import { place } from "./place.js";
import * as server from "./server.js";

let about; // The catalogue, as the server describes it.
let read = null; // The part of the address that stands in the form.
let history = []; // `{id, text, days_ago}`, oldest first.
let categories = [];

export function startForm(catalogue, onSubmit) {
  about = catalogue;
  const shopper = byId("shopper");
  shopper.replaceChildren(
    el("option", { value: "" }, "A stranger"),
    el("option", { value: "own", hidden: true }, "As put together below"),
    ...about.shoppers.map(({ name }, i) =>
      el("option", { value: String(i) }, `Made up: buys ${lastName(name)}`),
    ),
  );
  shopper.onchange = () => pickShopper(shopper.value);
  byId("beam").replaceChildren(
    ...about.beams.map((beam) => el("option", {}, String(beam))),
  );
  byId("facts").replaceChildren(
    ...Object.entries(about.facts).flatMap(([field, values]) => [
      el("label", { for: `fact-${field}` }, field.replaceAll("_", " ")),
      el(
        "select",
        { id: `fact-${field}`, "data-field": field },
        el("option", { value: "" }, "not known"),
        ...values.map((value) => el("option", {}, value)),
      ),
    ]),
  );
  byId("query-box").hidden = !about.reads_queries;
  byId("no-queries").hidden = about.reads_queries;
  startPickers();
  const form = byId("search-form");
  form.oninput = showCounts;
  form.onsubmit = (event) => {
    event.preventDefault();
    onSubmit(written());
  };
  form.onreset = (event) => {
    event.preventDefault();
    read = null;
    onSubmit(Object.fromEntries(names().map((name) => [name, null])));
  };
}

export async function findItems(text, signal) {
  const { items } = await server.get("find", { text }, signal);
  items.forEach(server.remember);
  return items.map((item) => ({
    label: item.text,
    note: item.id,
    value: item,
  }));
}

function startPickers() {
  picker(byId("add-item"), { find: findItems, pick: addToHistory });
  picker(byId("add-category"), {
    find: async (text, signal) => {
      const found = await server.get("find", { text }, signal);
      return found.categories.map((path) => ({ label: path, value: path }));
    },
    pick(path) {
      categories = [...new Set([...categories, path])];
      showCategories();
    },
  });
}

export function addToHistory({ id, text }) {
  const others = history.filter((each) => each.id !== id);
  history = [...others, { id, text, days_ago: 1 }];
  byId("history-box").open = true;
  showHistory();
}

async function pickShopper(value) {
  history = await named(value === "" ? [] : about.shoppers[value].history);
  showHistory();
}

const named = (events) =>
  Promise.all(
    events.map(async (event) => ({
      ...event,
      text:
        event.text ??
        (await server.item(event.id))?.text ??
        `${event.id} (not known)`,
    })),
  );

function picked(text, remove, ...more) {
  const gone = button("×", remove, { "aria-label": `Remove ${text}` });
  return el("li", {}, el("span", {}, text), ...more, gone);
}

function showHistory() {
  byId("history").replaceChildren(
    ...history.map((event) => {
      const days = el("input", {
        type: "number",
        min: 0,
        max: 36500,
        value: event.days_ago,
        "aria-label": `Days ago: ${event.text}`,
        oninput: () => (event.days_ago = Number(days.value)),
      });
      const unit = el("small", { "aria-hidden": "true" }, "days ago");
      const remove = () => {
        history = history.filter((other) => other !== event);
        showHistory();
        byId("add-item").focus();
      };
      return picked(event.text, remove, days, unit);
    }),
  );
  const key = (events) => events.map((e) => `${e.id}:${e.days_ago}`).join();
  const example = about.shoppers.findIndex(
    (each) => key(each.history) === key(history),
  );
  byId("shopper").value =
    example >= 0 ? String(example) : history.length ? "own" : "";
  showCounts();
}

function showCategories() {
  byId("categories").replaceChildren(
    ...categories.map((path) =>
      picked(path, () => {
        categories = categories.filter((other) => other !== path);
        showCategories();
        byId("add-category").focus();
      }),
    ),
  );
  showCounts();
}

// Pairs of a field and its value.
const facts = () =>
  [...byId("facts").querySelectorAll("select")]
    .filter((each) => each.value)
    .map((each) => [each.dataset.field, each.value]);

function showCounts() {
  const now = written();
  const filters = ["low", "high", "stock", "unseen"].filter((k) => now[k]);
  for (const [name, n] of Object.entries({
    history: history.length,
    filter: categories.length + filters.length,
    profile: facts().length + Boolean(now.user),
  }))
    byId(`${name}-count`).textContent = n ? `(${n})` : "";
}

// Purchases as they stand in the address.
export const purchases = (events) =>
  JSON.stringify(events.map(({ id, days_ago }) => [id, days_ago]));

// The request as names of the address; null is not there.
function written() {
  const beam = byId("beam").value;
  const json = (values) => (values.length ? JSON.stringify(values) : null);
  return {
    q: byId("query").value.trim(),
    history: history.length ? purchases(history) : null,
    categories: json(categories),
    low: byId("low").value || null,
    high: byId("high").value || null,
    stock: byId("stock").checked ? "1" : null,
    unseen: byId("unseen").checked ? "1" : null,
    user: byId("user").value.trim() || null,
    facts: json(facts()),
    beam: beam === String(about.beams[0]) ? null : beam,
  };
}

// The names of the address that belong to the request.
const names = () => Object.keys(written());

// The request in the address, null where there is none. The form is filled
// with it unless it holds it already: later changes stay.
export async function readPlace() {
  const now = place();
  const request = JSON.stringify(names().map((name) => now.get(name)));
  if (request !== read) await fillForm(now);
  read = request;
  return now.has("q") ? request : null;
}

async function fillForm(now) {
  byId("query").value = now.get("q") ?? "";
  const events = list(now.get("history"));
  history = await named(events.map(([id, days_ago]) => ({ id, days_ago })));
  categories = list(now.get("categories"));
  for (const name of ["low", "high", "user"])
    byId(name).value = now.get(name) ?? "";
  for (const name of ["stock", "unseen"]) byId(name).checked = now.has(name);
  byId("beam").value = now.get("beam") ?? about.beams[0];
  const known = new Map(list(now.get("facts")));
  for (const each of byId("facts").querySelectorAll("select"))
    each.value = known.get(each.dataset.field) ?? "";
  showHistory();
  showCategories();
}

function list(text) {
  try {
    const found = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return []; // An address that somebody wrote by hand.
  }
}

// The request as the server takes it.
export function body() {
  // 50, or the widths of the levels: 128:256:512.
  const named = byId("beam").value;
  const kept = Number(named.split(":").at(-1));
  const { q: query, low, high, stock, unseen, user } = written();
  const filters = {
    ...(categories.length && { categories }),
    ...((low || high) && {
      price: { ...(low && { min: +low }), ...(high && { max: +high }) },
    }),
    ...(stock && { in_stock: true }),
    ...(unseen &&
      history.length && { exclude: history.map(({ id }) => id) }),
  };
  return {
    ...(query && { query }),
    history: history.map(({ id, days_ago }) => ({ id, days_ago })),
    profile: {
      ...(user && { user_id: user }),
      facts: Object.fromEntries(facts()),
    },
    filters,
    beam: named.includes(":") ? named : kept,
    k: kept,
  };
}

// The operation that gives programs the same answer, and its body.
export function asked() {
  const { beam, ...rest } = body();
  const named = about.beams.length > 1;
  if (rest.query) return ["search", named ? { ...rest, beam } : rest];
  return named ? ["explain", { ...rest, beam }] : ["recommend", rest];
}

export const describe = () => {
  const query = byId("query").value.trim();
  const wanted = query ? `“${query}”` : "the next basket";
  return history.length
    ? `${wanted}, after ${count(history.length, "purchase")}`
    : wanted;
};
