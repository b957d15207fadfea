"""Lists to pick from: items and categories by words, made-up shoppers."""

from typing import Any

import numpy as np

from gr_jax.serving.catalogue.snapshot import Snapshot
from gr_jax.serving.page.browse import items_below, span


def find_items(
  snapshot: Snapshot, text: str, *, limit: int
) -> list[dict[str, Any]]:
  """Items whose text holds every word of `text`, or whose id it is.

  The id comes first, then texts that begin with `text`, then popular items.
  """
  items = snapshot.items
  wanted = " ".join(text.lower().split())
  words = wanted.split()
  exact = items.row(text.strip())
  found = []
  for row in np.flatnonzero(items.present).tolist():
    low = items.texts[row].lower()
    if row == exact or all(word in low for word in words):
      begins = low.startswith(wanted)
      found.append((row != exact, not begins, -items.popularity[row], row))
  return [items.record(row) for *_, row in sorted(found)[:limit]]


def find_categories(snapshot: Snapshot, text: str, *, limit: int) -> list[str]:
  """Full category paths that hold every word of `text`, short ones first."""
  words = text.lower().split()
  paths = snapshot.items.category_row
  found = [p for p in paths if all(word in p.lower() for word in words)]
  return sorted(found, key=lambda path: (len(path), path))[:limit]


def example_shoppers(
  snapshot: Snapshot, *, count: int, purchases: int
) -> list[dict[str, Any]]:
  """Made-up histories, for a server that keeps no logs.

  One for each of the departments that sell most (the coarsest categories, or
  first codes where there are none): the most bought item of each of its first
  codes, one a week, the most bought of all last.
  """
  items = snapshot.items
  rows = items_below(snapshot, *span(snapshot, ()))
  first_code = items.semantic_ids.codes[:, 0]
  named = items.categories.shape[1] and (items.categories[rows, 0] >= 0).any()
  group = items.categories[:, 0] if named else first_code
  names = {row: path for path, (d, row) in items.category_row.items() if d == 0}
  rows = rows[group[rows] >= 0]
  rows = rows[np.argsort(-items.popularity[rows], kind="stable")]
  groups, place = np.unique(group[rows], return_inverse=True)
  bought = np.bincount(place, items.popularity[rows], len(groups))
  found = []
  for best in np.argsort(-bought, kind="stable")[:count].tolist():
    below = rows[place == best]
    _, heads = np.unique(first_code[below], return_index=True)
    picks = below[np.sort(heads)[:purchases]].tolist()
    code = int(groups[best])
    history = [
      {"id": items.item_ids[row], "days_ago": 7 * week}
      for week, row in enumerate(picks, 1)
    ]
    name = names[code] if named else f"code {code}"
    found.append({"name": name, "history": history[::-1]})
  return found
