// Asks before an item is removed.

import { byId, quoted } from "./dom.js";
import { showCurl } from "./curl.js";
import * as server from "./server.js";

let item;

export function startRemove(onDone) {
  byId("remove-send").onclick = async () => {
    const error = byId("remove-error");
    error.hidden = true;
    try {
      await server.post("items", { remove: [item.id] });
      byId("remove").close();
      onDone(item);
    } catch (trouble) {
      error.textContent = trouble.message;
      error.hidden = false;
    }
  };
  byId("remove-cancel").onclick = () => byId("remove").close();
}

export function askToRemove(which) {
  item = which;
  byId("remove-title").textContent = `Remove ${quoted(item.text)}?`;
  byId("remove-error").hidden = true;
  byId("remove").querySelector("details").open = false;
  showCurl(byId("remove-curl"), "items", { remove: [item.id] });
  byId("remove").showModal();
  byId("remove-cancel").focus();
}
