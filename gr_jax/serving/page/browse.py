"""The catalogue as a tree of codes, and the neighbours of an item in it.

The rows of the trie are sorted, so what begins with a prefix is one range of
rows, of IDs and of items; a node costs as much as lies below it. Items that
were removed are nowhere.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gr_jax.serving.catalogue.items import Items
from gr_jax.serving.catalogue.snapshot import Snapshot

_EXAMPLES = 3


def children(
  snapshot: Snapshot, prefix: Sequence[int], *, offset: int, limit: int
) -> dict[str, Any] | None:
  """A node and some of its children, most bought first.

  Args:
    snapshot: the catalogue.
    prefix: codes, -1 last where the ID ends; none is the root.
    offset: children, or items, that are left out.
    limit: the most children, or items, that are returned.

  Returns:
    The node as `_node`, with `children`, how many there are (`width`), and the
    `answers` of a whole ID, popular first; None where no ID begins so.
  """
  prefix = tuple(prefix)
  low, high = span(snapshot, prefix)
  if high == low and prefix:
    return None
  ends = len(prefix) == len(snapshot.live.level_sizes) or -1 in prefix
  parts = [] if ends else _split(snapshot, low, high, len(prefix))
  popularity = snapshot.items.popularity
  parts.sort(
    key=lambda part: -popularity[items_below(snapshot, *part[1:])].sum()
  )
  rows = items_below(snapshot, low, high) if ends else np.zeros(0, int)
  page = slice(offset, offset + limit)
  return _node(snapshot, prefix, low, high) | {
    "width": len(rows) if ends else len(parts),
    "children": [
      _node(snapshot, (*prefix, code), a, b) for code, a, b in parts[page]
    ],
    "answers": [snapshot.items.record(row) for row in rows[page].tolist()],
  }


def neighbours(
  snapshot: Snapshot, row: int, *, limit: int
) -> list[dict[str, Any]]:
  """Items that share the longest prefixes with an item, then popular ones.

  Returns:
    `{shared, items, answers}` per length of the shared prefix, longest first:
    how many items share just so much, and some of them, `limit` in all. Items
    that share no code are no neighbours.
  """
  items = snapshot.items
  codes = items.semantic_ids.codes[row].tolist()
  nearer = np.array([row])
  found = []
  for depth in range(len(codes), 0, -1):
    rows = items_below(snapshot, *span(snapshot, codes[:depth]))
    new = np.setdiff1d(rows, nearer)
    nearer = np.union1d(nearer, rows)
    if not len(new):
      continue
    order = np.argsort(-items.popularity[new], kind="stable")[:limit]
    answers = [items.record(each) for each in new[order].tolist()]
    found.append({"shared": depth, "items": len(new), "answers": answers})
    limit -= len(answers)
  return found


def span(snapshot: Snapshot, prefix: Sequence[int]) -> tuple[int, int]:
  """Rows `low` to `high` (excluded) of the trie that begin with `prefix`."""
  if len(prefix) > len(snapshot.live.level_sizes):
    return 0, 0
  low, high = 0, snapshot.live.num_ids
  for level, code in enumerate(prefix):
    column = snapshot.live.ids[low:high, level]
    first, last = np.searchsorted(column, (code, code + 1)).tolist()
    low, high = low + first, low + last
  return low, high


def items_below(snapshot: Snapshot, low: int, high: int) -> np.ndarray:
  """Rows of the items that trie rows `low` to `high` name, ID by ID."""
  if high == low:
    return np.zeros(0, np.int64)
  offsets = snapshot.items.semantic_ids.item_offsets
  first, last = snapshot.table_rows[[low, high - 1]]
  rows = snapshot.ranked_items[offsets[first] : offsets[last + 1]]
  return rows[snapshot.items.present[rows]]


def topic(items: Items, rows: np.ndarray) -> dict[str, Any] | None:
  """The deepest category that at least half of the items are in."""
  for depth in range(items.categories.shape[1] - 1, -1, -1):
    column = items.categories[rows, depth]
    column = column[column >= 0]
    if 2 * len(column) < len(rows) or not len(column):
      continue
    names, counts = np.unique(column, return_counts=True)
    best = int(counts.argmax())
    if 2 * counts[best] >= len(rows):
      share = float(counts[best] / len(rows))
      place = depth, int(names[best])
      # As many names as the shop has: no index is worth its upkeep.
      path = next(k for k, v in items.category_row.items() if v == place)
      return {"category": path, "share": share}
  return None


def _split(snapshot, low, high, depth) -> list[tuple[int, int, int]]:
  """Returns (code, low, high) for every child of a range."""
  column = snapshot.live.ids[low:high, depth]
  starts = np.flatnonzero(np.diff(column, prepend=-2)).tolist()
  return [
    (int(column[a]), low + a, low + b)
    for a, b in zip(starts, [*starts[1:], len(column)])
  ]


def _node(snapshot, prefix, low, high) -> dict[str, Any]:
  """Describes the items below a prefix; `share` is that of all purchases."""
  items = snapshot.items
  rows = items_below(snapshot, low, high)
  total = int(items.popularity[items.present].sum())
  bought = int(items.popularity[rows].sum())
  best = rows[np.argsort(-items.popularity[rows], kind="stable")[:_EXAMPLES]]
  return {
    "prefix": list(prefix),
    "ids": high - low,
    "items": len(rows),
    "purchases": bought,
    "share": bought / total if total else 0.0,
    "topic": topic(items, rows),
    "examples": items.texts[best].tolist(),
  }
