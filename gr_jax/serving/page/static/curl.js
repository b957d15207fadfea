// The command that asks the server for what the page shows.

import { button, el } from "./dom.js";
import * as server from "./server.js";

// For a POSIX shell.
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Empty parts say nothing.
const isEmpty = (value) =>
  value === "" || (typeof value === "object" && !Object.keys(value).length);

function short(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return value;
  const parts = Object.entries(value).map(([name, part]) => [name, short(part)]);
  return Object.fromEntries(parts.filter(([, part]) => !isEmpty(part)));
}

export function command(path, body) {
  const url = new URL(path, document.baseURI);
  return [
    `curl ${shell(url.origin + url.pathname)}`,
    // A token is nothing to show, to copy or to keep in a shell's history.
    ...(server.hasToken() ? ['-H "authorization: Bearer $GR_JAX_TOKEN"'] : []),
    "-H 'content-type: application/json'",
    `-d ${shell(JSON.stringify(short(body)))}`,
  ].join(" \\\n  ");
}

// Shows a command in a box, with a button that copies it.
export function showCurl(box, path, body) {
  const text = command(path, body);
  const code = el("pre", { tabindex: 0, role: "group", "aria-label": "Command" }, text);
  const status = el("span", { role: "status", class: "hint" });
  const copy = button("Copy", async () => {
    status.textContent = (await copied(code)) ? "Copied." : "Press Ctrl+C.";
  });
  box.replaceChildren(code, el("div", { class: "line" }, copy, status));
}

// Beyond https and localhost browsers have no clipboard: it is selected then.
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  }
}
