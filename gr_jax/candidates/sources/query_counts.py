"""How often each query led to each item."""

import numpy as np
from scipy import sparse

from gr_jax.candidates.pairs import Sparse, expand, look_up, values_at


class QueryCounts:
  """Counts of pairs of a query and an item.

  Args:
    keys: `[n]` int64, `query * num_items + item`, distinct and ascending.
    counts: `[n]`.
    num_queries: `Q`.
    num_items: `N`.
    totals: `[Q + 1]`, the counts of each query, the last 0; None adds them up.

  Attributes:
    keys, counts, num_queries, num_items, totals: as given.
  """

  def __init__(
    self,
    keys: np.ndarray,
    counts: np.ndarray,
    *,
    num_queries: int,
    num_items: int,
    totals: np.ndarray | None = None,
  ):
    self.keys, self.counts = keys, counts
    self.num_queries, self.num_items = num_queries, num_items
    queries = keys // num_items
    if totals is None:
      totals = np.bincount(queries, counts, minlength=num_queries + 1)
    self.totals = totals
    order = np.lexsort((-counts, queries))
    self._items = (keys % num_items)[order]
    bounds = np.arange(num_queries + 1)
    self._offsets = np.searchsorted(queries[order], bounds)

  def of(self, keys: np.ndarray) -> np.ndarray:
    """The counts of keys `[m]`, 0 for pairs that never were."""
    places, there = look_up(self.keys, keys)
    return values_at(self.counts, places, there)

  def best(
    self, queries: np.ndarray, *, most: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """The `most` items of the largest counts of queries `[m]`.

    Returns:
      Which of the queries, and the item, `[k]` both.
    """
    starts = self._offsets[queries]
    ends = np.minimum(starts + most, self._offsets[queries + 1])
    whose, places = expand(starts, ends)
    return whose, self._items[places]

  def matrix(self) -> Sparse:
    """The counts `[Q, N]`."""
    places = np.divmod(self.keys, self.num_items)
    shape = self.num_queries, self.num_items
    return sparse.csr_array((self.counts, places), shape)

  def grown(self, texts: np.ndarray) -> "QueryCounts":
    """The counts of more items: of the same text, they have the largest.

    The totals stay, for nothing more was counted.

    Args:
      texts: of all items `[M]`, the new ones behind the others.
    """
    old, size = self.num_items, len(texts)
    query, item = np.divmod(self.keys, old)
    known, new = _twins(texts, old)
    order = np.argsort(item, kind="stable")
    starts, ends = (
      np.searchsorted(item[order], known, side) for side in ("left", "right")
    )
    whose, places = expand(starts, ends)
    lent = order[places]
    keys = np.append(query * size + item, query[lent] * size + new[whose])
    counts = np.append(self.counts, self.counts[lent])
    largest_first = np.lexsort((-counts, keys))
    keys, at = np.unique(keys[largest_first], return_index=True)
    return QueryCounts(
      keys,
      counts[largest_first][at],
      num_queries=self.num_queries,
      num_items=size,
      totals=self.totals,
    )


def _twins(texts: np.ndarray, old: int) -> tuple[np.ndarray, np.ndarray]:
  """The rows, first of `old` then of later items, of all pairs of one text."""
  later: dict[str, list[int]] = {}
  for row, text in enumerate(texts[old:].tolist(), old):
    later.setdefault(text, []).append(row)
  pairs = [
    (row, other)
    for row, text in enumerate(texts[:old].tolist())
    for other in later.get(text, ())
  ]
  known, new = np.array(pairs, np.int64).reshape(-1, 2).T
  return known, new
