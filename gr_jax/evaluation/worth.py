r"""What answers were worth, by the log: the value of what was taken of them.

  $value@k = \sum_{i \le k} h_i v_i$

with `h_i` 1 where the item at rank `i` was clicked or ordered (at its first
place only, as in `metrics`), and `v_i` what that was worth: the price, or what
a click pays. The log knows nothing of items that it did not show, so that this
is a lower bound of what answers earn, for every system alike.
"""

from collections.abc import Sequence

import numpy as np

from gr_jax.data.requests import CLICKED, Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.data.target_values import TargetValues
from gr_jax.evaluation import metrics
from gr_jax.evaluation.results import Measured

VALUE = "value"


def measure(
  ranked: np.ndarray,
  relevant: RowLists,
  values: TargetValues,
  requests: np.ndarray,
  *,
  cutoffs: Sequence[int] = metrics.CUTOFFS,
) -> Measured:
  """`value@k` of every request, NaN where it has no relevant item.

  Args:
    ranked: `[R, K]` catalogue rows, best first, -1 where nothing is left.
    relevant: The relevant catalogue rows of the same requests.
    values: What was paid.
    requests: `[R]` rows of the log.
    cutoffs: Those beyond K are left out.
  """
  cutoffs = [k for k in cutoffs if k <= ranked.shape[1]]
  hits = metrics.hit_matrix(ranked, relevant)
  earned = np.cumsum(hits * values.of(requests[:, None], ranked), axis=1)
  found = earned[:, np.array(cutoffs, int) - 1]
  found = np.where(relevant.sizes[:, None] > 0, found, np.nan)
  return Measured([("item", "all", VALUE, k) for k in cutoffs], found)


def found(
  ranked: np.ndarray,
  owners: np.ndarray,
  targets: np.ndarray,
  values: np.ndarray,
) -> np.ndarray:
  """The value `[R]` of the targets that are among the answers.

  Args:
    ranked: `[R, K]` rows of IDs or items, -1 where nothing is left.
    owners: `[N]`, the place among the R of each target's request.
    targets: `[N]` rows of the same kind.
    values: `[N]`, what was paid for each.
  """
  hit = (ranked[owners] == targets[:, None]).any(axis=1)
  return np.bincount(owners, hit * values, minlength=len(ranked))


def found_in_log(
  ranked: np.ndarray,
  log: Requests,
  rows: np.ndarray,
  *,
  id_of_item: np.ndarray | None = None,
) -> np.ndarray:
  """The logged value `[R]` of the clicks and orders that are answered.

  Args:
    ranked: `[R, K]` rows of items, or of IDs, -1 where nothing is left.
    log: the requests.
    rows: those that are answered, `[R]`.
    id_of_item: the ID row of every item, where IDs are ranked.
  """
  place = np.full(len(log), -1)
  place[rows] = np.arange(len(rows))
  owners = place[log.page_request]
  kept = (owners >= 0) & (log.page_kind >= CLICKED)
  targets = log.page_item[kept]
  if id_of_item is not None:
    targets = id_of_item[targets]
  return found(ranked, owners[kept], targets, log.page_value[kept])


def dearest(
  values: TargetValues, requests: np.ndarray, *, count: int
) -> np.ndarray:
  """The largest values `[R, count]` of each request, then 0."""
  best = np.zeros((len(requests), count))
  for line, row in zip(best, requests):
    top = values.best(row, count=count)
    line[: len(top)] = top
  return best
