// The token of a server that wants one: the page is hidden until it has it.

import { byId } from "./dom.js";
import * as server from "./server.js";

// `given` is called when there is another token, `kept` when there is not.
export function startToken({ given, kept }) {
  byId("token-form").onsubmit = (event) => {
    event.preventDefault();
    server.setToken(byId("token").value.trim());
    given();
  };
  byId("token-back").onclick = kept;
  for (const id of ["token-change", "other-token"])
    byId(id).onclick = () => askToken({ wrong: false, back: true });
}

// Asks for a token: the first, or one in place of a wrong one; of a right one
// there is a way back.
export function askToken({ wrong = server.hasToken(), back = false } = {}) {
  if (wrong) server.setToken("");
  byId("token-form").hidden = false;
  byId("token-wrong").hidden = !wrong;
  byId("token").ariaInvalid = wrong ? "true" : null;
  byId("token-back").hidden = !back;
  byId("token-change").hidden = true;
  showPage(false);
  byId("token").focus();
}

export function tokenIsRight(about) {
  byId("token-form").hidden = true;
  byId("token-change").hidden = !server.hasToken();
  byId("may-not-change").hidden = about.may_change;
  showPage(true);
}

function showPage(shown) {
  byId("views").hidden = !shown;
  document.querySelector("[role=tablist]").hidden = !shown;
}
