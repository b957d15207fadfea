// Starts the page: its two views, its address, and its errors.

import { search, startAnswers } from "./answers.js";
import { startBeams } from "./beams.js";
import { browse, forgetShown, startBrowse } from "./browse.js";
import { startChange } from "./change.js";
import { byId, count } from "./dom.js";
import { showExamples } from "./examples.js";
import { readPlace, startForm } from "./form.js";
import { showRemoved, startItem } from "./item.js";
import { go, place } from "./place.js";
import { startRemove } from "./remove.js";
import * as server from "./server.js";
import { askToken, startToken, tokenIsRight } from "./token.js";

const VIEWS = ["search", "browse"];
let about;
let request = null;
let news = ""; // What the next view says first.

async function start() {
  await readAbout();
  tokenIsRight(about);
  startItem(about);
  startForm(about, (changes) => {
    request = null;
    go({ view: null, ...changes });
  });
  startChange(about, guarded((id, said) => changed(said, id)));
  startRemove(
    guarded(async (item) => {
      await changed("The item is removed", null);
      showRemoved(item);
    }),
  );
  if (viewOf(place()) === "search")
    byId(about.reads_queries ? "query" : "shopper").focus();
  await show();
}

async function readAbout() {
  about = await server.get("catalogue");
  const levels = about.level_sizes.map((n) => n.toLocaleString("en"));
  byId("about").textContent =
    `${count(about.items, "item")}, ${count(about.ids, "ID")} of ` +
    `${levels.join(" × ")} codes, version ${about.version}`;
  byId("add").hidden = !about.may_change || about.needs_vectors;
  showExamples(about);
}

const viewOf = (now) =>
  VIEWS.includes(now.get("view")) ? now.get("view") : "search";

async function show() {
  const view = viewOf(place());
  byId("changed").textContent = "";
  for (const each of VIEWS) {
    const tab = byId(`${each}-tab`);
    tab.ariaSelected = String(each === view);
    tab.tabIndex = each === view ? 0 : -1;
    byId(each).hidden = each !== view;
  }
  document.title = view === "browse" ? "Browse - gr_jax" : "gr_jax";
  if (view === "browse") return showBrowse();
  const before = request;
  request = await readPlace();
  if (request === null) {
    byId("found").hidden = true;
    byId("examples").hidden = false;
    byId("status").textContent = "";
  } else if (request !== before) await search();
}

async function showBrowse() {
  try {
    await browse();
  } finally {
    byId("changed").textContent = news;
    news = "";
  }
}

// After a change of the catalogue: what was read before it is old.
async function changed(said, item) {
  request = null;
  forgetShown();
  await readAbout();
  news = `${said}, version ${about.version}.`;
  if (item === place().get("item") && place().get("view") === "browse")
    await show();
  else go({ view: "browse", item });
}

function failed(error) {
  if (error.status === 401) return askToken();
  byId("error").textContent = error.message;
  byId("error").hidden = false;
}

const guarded =
  (action) =>
  async (...values) => {
    byId("error").hidden = true;
    try {
      await action(...values);
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
startToken({ given: () => location.reload(), kept: () => tokenIsRight(about) });
startAnswers();
startBeams();
startBrowse();
window.addEventListener("hashchange", guarded(show));
window.addEventListener("failed", (event) => failed(event.detail));
guarded(start)();
