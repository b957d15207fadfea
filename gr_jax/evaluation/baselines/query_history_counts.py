"""Baseline: what the query led to, by the user's own purchases of it."""

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import top_items
from gr_jax.evaluation.baselines.fill_up import fill_up


def rank(
  state: top_items.Fitted,
  query: np.ndarray,
  histories: RowLists,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 rows in the lexicographic order of

    (the query led to j in training,  own_j,  count_j,  popularity_j)

  with `own_j` the number of purchases of j in the user's history and `count_j`
  how often the query led to j in training. It has no parameter. A query that
  training never saw leaves the user's most frequent items, a user without a
  history leaves the order of `query_counts`, and items without any count follow
  by popularity. [OURS]

  Args:
    state: of `query_counts.fit`.
    query: `[R]` rows of the queries.
    histories: the purchases of each request's user before the request.
    k: length of the rankings.
    exclude: rows that a request must not be shown.
  """
  num_items = len(state.order)
  column_of = np.argsort(state.order)
  counts = state.weights[query].tocoo()
  asked, count = counts.row * num_items + counts.col, counts.data
  own, times = np.unique(
    histories.owners * num_items + column_of[histories.rows],
    return_counts=True,
  )
  keys = np.union1d(asked, own)
  found = np.zeros((2, len(keys)))
  found[0, np.searchsorted(keys, own)] = times
  found[1, np.searchsorted(keys, asked)] = count
  owners, columns = np.divmod(keys, num_items)
  own_j, count_j = found
  order = np.lexsort((columns, -count_j, -own_j, count_j == 0, owners))
  sizes = np.bincount(owners, minlength=len(query))
  ranked = RowLists(row_lists.offsets_of(sizes), state.order[columns[order]])
  return fill_up(ranked, state.order, k=k, exclude=exclude)
