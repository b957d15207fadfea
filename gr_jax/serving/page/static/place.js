// The view lives in the address, so that it can be kept, shared and gone
// back to. Several parts of the page each own some of its names.

export const place = () => new URLSearchParams(location.hash.slice(1));

// Sets names (null or "" removes one) and lets the page know.
export function go(changes) {
  const next = address(changes);
  if (next === location.hash) window.dispatchEvent(new Event("hashchange"));
  else location.hash = next;
}

// The address of the page with these changes, for a link.
export function address(changes) {
  const next = place();
  for (const [name, value] of Object.entries(changes)) {
    if (value == null) next.delete(name);
    else next.set(name, value);
  }
  return `#${next}`;
}
