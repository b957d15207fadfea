// Starts the page: its two views, its address, and its errors.

import { search, startAnswers } from "./answers.js";
import { browse, startBrowse } from "./browse.js";
import { byId, count } from "./dom.js";
import { go, place } from "./place.js";
import { readPlace, startForm } from "./form.js";
import * as server from "./server.js";

const VIEWS = ["search", "browse"];
let request = null;

async function start() {
  const about = await server.get("catalogue");
  const levels = about.level_sizes.map((n) => n.toLocaleString("en"));
  byId("about").textContent =
    `${count(about.items, "item")}, ${count(about.ids, "ID")} of ` +
    `${levels.join(" × ")} codes, version ${about.version}`;
  byId("token-form").hidden = true;
  startForm(about, (changes) => {
    request = null;
    go({ view: null, ...changes });
  });
  await show();
}

async function show() {
  const view = VIEWS.includes(place().get("view")) ? place().get("view") : "search";
  for (const each of VIEWS) {
    const tab = byId(`${each}-tab`);
    tab.ariaSelected = String(each === view);
    tab.tabIndex = each === view ? 0 : -1;
    byId(each).hidden = each !== view;
  }
  document.title = view === "browse" ? "Browse - gr_jax" : "gr_jax";
  if (view === "browse") return browse();
  const before = request;
  request = await readPlace();
  if (request === null) {
    byId("found").hidden = true;
    byId("status").textContent = "Type a query, or pick a shopper, and search.";
  } else if (request !== before) await search();
}

function failed(error) {
  byId("error").textContent = error.message;
  byId("error").hidden = false;
  if (error.status === 401) {
    byId("token-form").hidden = false;
    byId("token").focus();
  }
}

const guarded = (action) => async () => {
  byId("error").hidden = true;
  try {
    await action();
  } catch (error) {
    failed(error);
  }
};

for (const [i, view] of VIEWS.entries()) {
  const tab = byId(`${view}-tab`);
  const other = VIEWS[1 - i];
  tab.onclick = () => go({ view: view === "search" ? null : view });
  tab.onkeydown = ({ key }) => {
    if (key !== "ArrowLeft" && key !== "ArrowRight") return;
    byId(`${other}-tab`).click();
    byId(`${other}-tab`).focus();
  };
}
byId("token-form").onsubmit = (event) => {
  event.preventDefault();
  server.setToken(byId("token").value);
  guarded(start)();
};
startAnswers();
startBrowse();
window.addEventListener("hashchange", guarded(show));
window.addEventListener("failed", (event) => failed(event.detail));
guarded(start)();
