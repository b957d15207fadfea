// A text box that offers matches (the ARIA combobox pattern).

import { el, failed } from "./dom.js";

const PAUSE = 150; // Milliseconds without a key before a request.

// `find(text, signal)` gives a list of `{label, note, value}`; `pick(value)`
// is called with the chosen value.
export function picker(input, { find, pick }) {
  const id = `${input.id}-options`;
  const list = el("ul", { id, role: "listbox", hidden: true });
  list.ariaLabel = input.labels[0].textContent;
  const status = el("span", { class: "unseen", role: "status" });
  const box = el("div", { class: "picker" });
  input.replaceWith(box);
  box.append(input, list, status);
  input.role = "combobox";
  input.autocomplete = "off";
  input.ariaAutoComplete = "list";
  input.ariaExpanded = "false";
  input.setAttribute("aria-controls", id);

  let options = [];
  let at = -1;
  let timer;
  let pending;

  function close() {
    clearTimeout(timer);
    pending?.abort();
    list.hidden = true;
    input.ariaExpanded = "false";
    input.removeAttribute("aria-activedescendant");
    at = -1;
  }

  function choose(option) {
    close();
    input.value = "";
    status.textContent = `${option.label}: chosen.`;
    pick(option.value);
  }

  function mark(next) {
    at = options.length ? (next + options.length) % options.length : -1;
    [...list.children].forEach((each, i) => (each.ariaSelected = i === at));
    if (at < 0) return;
    const active = list.children[at];
    input.setAttribute("aria-activedescendant", active.id);
    active.scrollIntoView({ block: "nearest" });
  }

  function show(found) {
    options = found;
    list.replaceChildren(
      ...found.map((option, i) =>
        el(
          "li",
          {
            role: "option",
            id: `${id}-${i}`,
            "aria-selected": "false",
            // Before the box loses the focus, which closes the list.
            onmousedown: (event) => event.preventDefault(),
            onclick: () => choose(option),
          },
          el("span", {}, option.label),
          option.note && el("small", {}, option.note),
        ),
      ),
    );
    if (!found.length) {
      const hint = { role: "option", "aria-disabled": "true", class: "hint" };
      list.append(el("li", hint, "Nothing found."));
    }
    list.hidden = false;
    input.ariaExpanded = "true";
    status.textContent = `${found.length} found.`;
    mark(0);
  }

  async function look() {
    pending?.abort();
    pending = new AbortController();
    const { signal } = pending;
    try {
      const found = await find(input.value.trim(), signal);
      if (!signal.aborted) show(found);
    } catch (error) {
      if (error.name !== "AbortError") failed(error);
    }
  }

  input.addEventListener("input", () => {
    close();
    if (input.value.trim()) timer = setTimeout(look, PAUSE);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "ArrowDown" && list.hidden && input.value) look();
    else if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp") mark(at - 1);
    else if (event.key === "Enter" && options[at]) choose(options[at]);
    // Enter in a picker never sends the form around it.
    else if (event.key !== "Enter") return;
    event.preventDefault();
  });
}
