// Adds an item, or changes what is known of one.

import { byId, listed, percent, quoted } from "./dom.js";
import { picker } from "./picker.js";
import { showCurl } from "./curl.js";
import * as server from "./server.js";

const field = (name) => byId(`change-${name}`);

let before = null; // The item that is changed, null for a new one.
let whenDone;

export function startChange(about, onDone) {
  whenDone = onDone;
  field("categories").hidden = !about.category_depth;
  picker(field("category"), {
    find: async (text, signal) => {
      const found = await server.get("find", { text }, signal);
      return found.categories.map((path) => ({ label: path, value: path }));
    },
    pick(path) {
      field("category").value = path;
      showCommand();
    },
  });
  // Words of another category take the place of the one that stands there.
  field("category").onfocus = () => field("category").select();
  byId("change-form").oninput = showCommand;
  byId("change-form").onsubmit = (event) => {
    event.preventDefault();
    send();
  };
  field("cancel").onclick = () => byId("change").close();
  byId("add").onclick = () => openChange();
}

// Opens the form on an item, or on a new one that begins as `draft`.
export function openChange(item = null, draft = {}) {
  before = item;
  const shown = item ?? { in_stock: true, ...draft };
  field("title").textContent = item ? "Change the item" : "Add an item";
  field("send").textContent = item ? "Change" : "Add";
  field("id").value = shown.id ?? "";
  field("id").readOnly = item !== null;
  field("text").value = shown.text ?? "";
  field("category").value = shown.category ?? "";
  field("price").value = shown.price ?? "";
  field("stock").checked = shown.in_stock;
  field("paused").checked = shown.paused ?? false;
  field("error").hidden = true;
  byId("change").querySelector("details").open = false;
  showCommand();
  byId("change").showModal();
  field(item ? "text" : "id").focus();
}

function written() {
  return {
    id: field("id").value.trim(),
    text: field("text").value.trim(),
    category: field("category").value.trim(),
    price: field("price").value ? Number(field("price").value) : null,
    in_stock: field("stock").checked,
    paused: field("paused").checked,
  };
}

// Only what differs: nobody's other change is undone. The model reads text and
// category; where they change the whole item is written.
function body() {
  const { id, category, ...now } = written();
  const reread =
    before === null ||
    now.text !== before.text ||
    (category && category !== before.category);
  if (reread) {
    const { price, ...rest } = now;
    const some = { ...(category && { category }), ...(price !== null && { price }) };
    return { add: [{ id, ...rest, ...some }] };
  }
  return {
    ...(now.price !== before.price && { prices: { [id]: now.price } }),
    ...(now.in_stock !== before.in_stock && { stock: { [id]: now.in_stock } }),
    ...(now.paused !== before.paused && { paused: { [id]: now.paused } }),
  };
}

function showCommand() {
  const change = body();
  if (Object.keys(change).length) showCurl(field("curl"), "items", change);
  else field("curl").replaceChildren("Nothing is changed yet.");
}

async function send() {
  const change = body();
  field("error").hidden = true;
  field("send").disabled = true;
  try {
    if (!Object.keys(change).length) return byId("change").close();
    const { id } = written();
    // To the server an id that it knows is a change.
    const known = before === null && (await found(id));
    if (known)
      throw new Error(
        `${quoted(known.text)} has this id already: find it and change it.`,
      );
    const done = await server.post("items", change);
    byId("change").close();
    whenDone(id, said(before === null, done));
  } catch (error) {
    field("error").textContent = error.message;
    field("error").hidden = false;
  } finally {
    field("send").disabled = false;
  }
}

async function found(id) {
  const { items } = await server.get("find", { text: id });
  return items.find((item) => item.id === id);
}

function said(isNew, done) {
  const item = done.items?.[0];
  const guessed = item?.category_share != null;
  return listed(
    isNew ? "The item is added" : "The item is changed",
    guessed &&
      `in ${item.category}, where ${percent(item.category_share)} of the items ` +
        "like it are",
  );
}
