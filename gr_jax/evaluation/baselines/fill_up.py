"""Rankings of a few items each, filled up with the popular ones."""

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import popularity


def fill_up(
  ranked: RowLists,
  order: np.ndarray,
  *,
  k: int,
  exclude: RowLists | None,
) -> np.ndarray:
  """`[R, k]` int32 rows: those of each list, then the popular ones.

  Args:
    ranked: the rows of each request, best first, each once.
    order: `[N]` from `popularity_order`.
    k: the length of the rankings; -1 fills the end where the catalogue is
      smaller.
    exclude: rows that a request must not be shown, taken out before the top k.
  """
  if exclude is not None:
    ranked = row_lists.without(ranked, exclude)
  starts = ranked.offsets[:-1]
  ends = np.minimum(starts + k, ranked.offsets[1:])
  first = row_lists.from_spans(ranked.rows, starts, ends)
  hidden = first if exclude is None else row_lists.joined(first, exclude)
  popular = popularity.rank(order, len(first), k=k, exclude=hidden)
  places = np.arange(k) - first.sizes[:, None]
  filled = np.take_along_axis(popular, np.maximum(places, 0), axis=1)
  filled[places < 0] = first.rows
  return filled
