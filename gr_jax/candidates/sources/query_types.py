"""What types of items a query wants.

Who asks for "milk" is served by any milk, and of most items of a type no count
and no word says so. With c(i) the finest category of item i, features are

  share   log of the sum of share(q, j) over the items j of c(i), for a query
          that was counted or borrows counts (`query_items`)
  cosine  x(q) . m(c(i)), with m(c) the mean vector of the items of c, of length
          1 as x(q) is
  lead    the same less the largest over all categories

so that the counts and vectors of all items of a type speak for each of them.
Counts and means are of the items at first: one that comes later has the type of
the same path of categories, or is a type of its own, which nothing counted.
[OURS]
"""

from typing import Any, NamedTuple, Self

import numpy as np

from gr_jax.candidates.independent_rows import rows_times
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.categories import group_of_new, means_of
from gr_jax.candidates.sources.left_counts import LeftCounts, Read
from gr_jax.candidates.sources.query_counts import QueryCounts
from gr_jax.data.requests import Requests
from gr_jax.text.encoder import unit_rows

_LEAST_SHARE = 1e-3


class QueryTypes(NamedTuple):
  """Counts of queries and types of items, and the vectors of types.

  Attributes:
    types: `[N]`, the type of each item; those of `T` and above were not there
      when queries were counted.
    counts: the counts of queries and the first `T` types; a label `T` has
      none.
    vectors: `[T', D]` of length 1, `T' >= T`.
  """

  types: np.ndarray
  counts: LeftCounts
  vectors: np.ndarray

  names = "query_type_share", "query_type_cosine", "query_type_lead"

  @classmethod
  def of_log(
    cls, log: Requests, types: np.ndarray, item_vectors: np.ndarray
  ) -> Self:
    """Those of a log's training period.

    Args:
      log: the requests and their pages.
      types: `[N]`, from 0 on.
      item_vectors: `[N, D]` of length 1.
    """
    vectors = unit_rows(means_of(types, item_vectors)[:-1])
    return cls(types, LeftCounts.of_log(log, types, len(vectors) + 1), vectors)

  @property
  def _num_counted(self) -> int:
    return self.counts.led.num_items - 1

  def describe(
    self, batch: RequestBatch, read: Read, pairs: Pairs
  ) -> np.ndarray:
    """`[n, 3]` float32, the features of pairs."""
    found = np.zeros((len(pairs), len(self.names)), np.float32)
    some = np.flatnonzero(batch.queries[pairs.owners] >= 0)
    if not len(some):
      return found
    size = len(self.vectors)
    # Far fewer types than items are among the candidates of a request.
    keys = pairs.owners[some] * np.int64(size) + self.types[pairs.items[some]]
    keys, place = np.unique(keys, return_inverse=True)
    owners, types = np.divmod(keys, size)
    found[some] = self._of_types(batch, read, owners, types)[place]
    return found

  def _of_types(
    self, batch: RequestBatch, read: Read, owners: np.ndarray, types: np.ndarray
  ) -> np.ndarray:
    """`[m, 3]`, the features of requests and types `[m]`."""
    labels = np.minimum(types, self._num_counted)
    share = self.counts.shares(batch, read, owners, labels)
    known = ((read.weights * read.totals).sum(axis=1) > 0)[owners]
    queries, row = np.unique(batch.queries[owners], return_inverse=True)
    vectors = batch.log.unit_query_vectors[queries]
    cosines = rows_times(vectors, self.vectors.T)
    cosine = cosines[row, types]
    largest = cosines[:, : self._num_counted].max(axis=1)
    log_share = np.where(known, np.log(share + _LEAST_SHARE), 0)
    return np.stack([log_share, cosine, cosine - largest[row]], axis=1)

  def state(self) -> dict[str, Any]:
    led = self.counts.led
    return {
      "types": self.types,
      "type_keys": led.keys,
      "type_counts": led.counts,
    }

  @classmethod
  def restored(
    cls, state: dict[str, Any], item_vectors: np.ndarray, *, num_queries: int
  ) -> Self:
    types = state["types"]
    vectors = unit_rows(means_of(types, item_vectors)[:-1])
    led = QueryCounts(
      state["type_keys"],
      state["type_counts"],
      num_queries=num_queries,
      num_items=len(vectors) + 1,
    )
    return cls(types, LeftCounts(led), vectors)

  def grown(self, items: ItemFacts) -> Self:
    """With the items behind its own."""
    old = len(self.types)
    types = group_of_new(
      items.categories[:old], self.types, items.categories[old:], other=-1
    )
    alone = np.flatnonzero(types < 0)
    types[alone] = len(self.vectors) + np.arange(len(alone))
    own = unit_rows(items.vectors[old + alone])
    return self._replace(
      types=np.append(self.types, types),
      vectors=np.append(self.vectors, own, axis=0),
    )
