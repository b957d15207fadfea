"""Tidy rows: one figure of one system, with its interval, a row."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import intervals, metrics

# The names under which baselines are reported; everything else is a model.
BASELINES = (
  "popularity",
  "query_counts",
  "repeat",
  "item_knn",
  "bm25",
  "nearest",
)


class Measured(NamedTuple):
  """Figures of single requests.

  Attributes:
    labels: `M` tuples `(level, segment, metric, k)`.
    values: `[R, M]`, NaN where a request does not count.
  """

  labels: list[tuple[str, str, str, int]]
  values: np.ndarray


def measure(
  ranked: np.ndarray,
  relevant: RowLists,
  *,
  id_of_item: np.ndarray | None = None,
  ranked_ids: np.ndarray | None = None,
  head: np.ndarray | None = None,
  cutoffs: Sequence[int] = metrics.CUTOFFS,
) -> Measured:
  """Every metric of every request at every level and segment.

  A segment narrows the relevant rows, never the ranking, and requests that are
  left with none do not count in it. At the ID level an ID is relevant when one
  of its items is.

  Args:
    ranked: `[R, K]` catalogue rows, best first, -1 where nothing is left.
    relevant: relevant catalogue rows of the same requests. Where seen items are
      taken out, take them out of both (`row_lists.without`, `exclude=`).
    id_of_item: `[N]` ID of every catalogue row; None leaves the ID level out.
    ranked_ids: `[R, K]` the ranking of IDs, where the system has one of its
      own; None derives it from `ranked`.
    head: `[N]` bool from `metrics.head_items`; None leaves head and tail out.
    cutoffs: those beyond K are left out.
  """
  cutoffs = [k for k in cutoffs if k <= ranked.shape[1]]
  labels, values = [], []
  for segment, wanted in _segments(relevant, head).items():
    levels = {"item": (ranked, wanted)}
    if id_of_item is not None:
      if ranked_ids is None:
        ranked_ids = metrics.to_ids(ranked, id_of_item)
      ids = RowLists(wanted.offsets, id_of_item[wanted.rows])
      levels["id"] = (ranked_ids, ids)
    for level, pair in levels.items():
      figures = metrics.request_metrics(*pair, cutoffs=cutoffs)
      values.append(figures.reshape(len(ranked), -1))
      labels += [
        (level, segment, metric, k)
        for metric in metrics.METRICS
        for k in cutoffs
      ]
  return Measured(labels, np.concatenate(values, axis=1))


def evaluate(
  ranked: np.ndarray,
  relevant: RowLists,
  *,
  system: str,
  requests: str,
  seen: str,
  users: np.ndarray | None = None,
  id_of_item: np.ndarray | None = None,
  ranked_ids: np.ndarray | None = None,
  head: np.ndarray | None = None,
  cutoffs: Sequence[int] = metrics.CUTOFFS,
  resamples: int = 1000,
  seed: int = 0,
) -> list[dict]:
  """Rows of one system on one kind of requests: `measure` with intervals.

  Args:
    ranked: see `measure`, as for all arguments that are not named here.
    relevant: see `measure`.
    system: name of what ranked.
    requests: "semantic", "personalised" or "next_basket".
    seen: "kept" or "out": what was done to the seen items.
    users: `[R]` who asked; the intervals draw users, not requests.
    id_of_item: see `measure`.
    ranked_ids: see `measure`.
    head: see `measure`.
    cutoffs: see `measure`.
    resamples: of the bootstrap.
    seed: of the bootstrap; the same for all systems.

  Returns:
    Dicts with the keys system, requests, level, seen, segment, metric, k,
    value, low, high and n. A figure that no request counts for has no row.
  """
  labels, values = measure(
    ranked,
    relevant,
    id_of_item=id_of_item,
    ranked_ids=ranked_ids,
    head=head,
    cutoffs=cutoffs,
  )
  figures = intervals.bootstrap(
    values, groups=users, resamples=resamples, seed=seed
  )
  named = {"system": system, "requests": requests}
  return [
    {
      **named,
      "level": level,
      "seen": seen,
      "segment": segment,
      "metric": metric,
      "k": int(k),
      "value": float(figures.value[m]),
      "low": float(figures.low[m]),
      "high": float(figures.high[m]),
      "n": int(figures.n[m]),
    }
    for m, (level, segment, metric, k) in enumerate(labels)
    if figures.n[m]
  ]


def select(results: Sequence[dict], **wanted) -> list[dict]:
  """The rows whose columns have the wanted values, in their order."""
  return [
    row
    for row in results
    if all(row[name] == value for name, value in wanted.items())
  ]


def from_best(results: Sequence[dict]) -> list[str]:
  """The systems by their best figure; equal ones keep their order."""
  best = {}
  for row in results:
    best[row["system"]] = max(row["value"], best.get(row["system"], 0))
  return sorted(best, key=lambda system: -best[system])


def _segments(
  relevant: RowLists, head: np.ndarray | None
) -> dict[str, RowLists]:
  if head is None:
    return {"all": relevant}
  popular = head[relevant.rows]
  return {
    "all": relevant,
    "head": row_lists.where(relevant, popular),
    "tail": row_lists.where(relevant, ~popular),
  }
