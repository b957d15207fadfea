"""Tidy rows: one figure of one system, with its interval, a row."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import intervals, metrics

# The roles of a system: the model of a run, what it has to beat, and the model
# as it was before its last stage.
MODEL, BASELINE, BEFORE = "model", "baseline", "before"

Label = tuple[str, str, str, int]
"""Level, segment, metric and cutoff of a figure."""


class Measured(NamedTuple):
  """Figures of single requests.

  Attributes:
    labels: `M` labels.
    values: `[R, M]`, NaN where a request does not count.
  """

  labels: list[Label]
  values: np.ndarray

  def beside(self, others: "Measured") -> "Measured":
    """These figures, then others of the same requests."""
    values = np.concatenate([self.values, others.values], axis=1)
    return Measured(self.labels + others.labels, values)


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


def rows(
  measured: Measured,
  names: Mapping[str, str],
  *,
  users: np.ndarray | None = None,
  model: Measured | None = None,
  resamples: int = 1000,
  seed: int = 0,
) -> list[dict]:
  """The means of all figures with their intervals, one row each.

  Args:
    measured: the figures of single requests.
    names: "system" (its name), "role" (`MODEL`, `BASELINE` or `BEFORE`),
      "requests" ("semantic", "personalised" or "next_basket") and "seen"
      ("kept" or "out": whether seen items were taken out).
    users: `[R]` the user of every request; the intervals draw users, not
      requests.
    model: the figures of the model on the same requests, for a system that is
      compared with it; None for the model itself.
    resamples: the number of draws.
    seed: the seed of the draws; the same for all systems.

  Returns:
    Dicts with the keys system, role, requests, level, seen, segment, metric, k,
    value, low, high, n, difference, difference_low and difference_high. The
    last three are the mean of model minus system over the same requests
    (`intervals.paired_difference`) and its interval, None without a model. A
    figure that no request counts for has no row.

  Raises:
    ValueError: the model has other figures than the system.
  """
  options = {"groups": users, "resamples": resamples, "seed": seed}
  figures = intervals.bootstrap(measured.values, **options)
  differences = None
  if model is not None:
    if model.labels != measured.labels:
      raise ValueError(
        f"{names['system']} has {len(measured.labels)} figures, the model "
        f"{len(model.labels)}; measure both at the same cutoffs and levels."
      )
    differences = intervals.paired_difference(
      model.values, measured.values, **options
    )
  return [
    {
      "system": names["system"],
      "role": names["role"],
      "requests": names["requests"],
      "level": level,
      "seen": names["seen"],
      "segment": segment,
      "metric": metric,
      "k": int(k),
      **figures.row(m),
      **_difference(differences, m),
    }
    for m, (level, segment, metric, k) in enumerate(measured.labels)
    if figures.n[m]
  ]


def select(results: Sequence[dict], **wanted) -> list[dict]:
  """The rows whose columns have the wanted values, in their order."""
  return [
    row
    for row in results
    if all(row[name] == value for name, value in wanted.items())
  ]


def kinds(results: Sequence[dict]) -> list[str]:
  """The kinds of requests, in the order of their rows."""
  return list(dict.fromkeys(row["requests"] for row in results))


def from_best(results: Sequence[dict]) -> list[str]:
  """The systems by their best figure; equal ones keep their order."""
  best = {}
  for row in results:
    best[row["system"]] = max(row["value"], best.get(row["system"], 0))
  return sorted(best, key=lambda system: -best[system])


def _difference(figures: intervals.Interval | None, m: int) -> dict:
  row = figures.row(m) if figures else {}
  return {
    "difference": row.get("value"),
    "difference_low": row.get("low"),
    "difference_high": row.get("high"),
  }


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
