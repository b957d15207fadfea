"""Lists to pick from: items and categories by words."""

from typing import Any

import numpy as np

from gr_jax.serving.catalogue.snapshot import Snapshot


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
