"""From ranked IDs to ranked items, and back."""

from collections.abc import Sequence

import numpy as np

from gr_jax.tokenizers.semantic_ids import SemanticIds


def expand_items(
  ids: np.ndarray,
  semantic_ids: SemanticIds,
  popularity: np.ndarray,
  *,
  k: int,
  seen: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
  """Items `[R, k]` behind ranked IDs `[R, M]`, -1 where there are no more.

  Items that share an ID follow by popularity, then by row `[OURS]`: the
  generator cannot tell them apart.

  Args:
    ids: rows of the table of IDs, -1 = none.
    semantic_ids: the table.
    popularity: training interactions `[N]`.
    k: the number of items per request.
    seen: per request, the items that are left out.
  """
  offsets = semantic_ids.item_offsets
  order = np.lexsort((-popularity[semantic_ids.items], _owners(offsets)))
  items = semantic_ids.items[order]
  out = np.full((len(ids), k), -1, np.int32)
  for r, row in enumerate(ids):
    row = row[row >= 0]
    spans = [items[offsets[i] : offsets[i + 1]] for i in row]
    flat = np.concatenate(spans) if spans else np.zeros(0, np.int64)
    if seen is not None:
      flat = flat[~np.isin(flat, seen[r])]
    out[r, : min(k, len(flat))] = flat[:k]
  return out


def _owners(offsets: np.ndarray) -> np.ndarray:
  return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def fully_seen_ids(
  seen: Sequence[np.ndarray], semantic_ids: SemanticIds
) -> list[np.ndarray]:
  """The ID rows, per request, whose items were all seen."""
  sizes = np.diff(semantic_ids.item_offsets)
  out = []
  for items in seen:
    ids, counts = np.unique(
      semantic_ids.id_of_item[np.unique(items)], return_counts=True
    )
    out.append(ids[counts == sizes[ids]])
  return out
