"""Rankers of the baselines: from the requests of an evaluation to items.

Those with a setting come as one ranker per value, by a name that says it, the
default first (`validation_choice.choose`).
"""

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from experiments.pipeline.embed import Vectors
from experiments.pipeline.eval_requests import EvalRequests, Rank
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import (
  ease,
  item_knn,
  nearest,
  popularity,
  query_history_counts,
  repeat,
)
from gr_jax.evaluation.baselines.top_items import Fitted

# What `repeat` may forget by: shares of the median time that a history spans.
_TAU_SHARES = (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16)


def by_query(rank: Callable[..., np.ndarray]) -> Rank:
  """By `rank(rows of the queries, k=, exclude=)`."""
  return lambda requests, **options: rank(requests.queries, **options)


def by_text(rank: Callable[..., np.ndarray]) -> Rank:
  """By `rank(texts of the queries, k=, exclude=)`."""

  def ranker(requests: EvalRequests, **options) -> np.ndarray:
    texts: Sequence[str] = requests.table.queries[requests.queries]
    return rank(texts, **options)

  return ranker


def popular(order: np.ndarray) -> Rank:
  """By popularity, `order` `[N]` from `popularity_order`."""
  return lambda requests, **options: popularity.rank(
    order, len(requests.rows), **options
  )


def repeats(
  order: np.ndarray, validation: Sequence[EvalRequests]
) -> dict[str, Rank]:
  """Rankers by the rate at which purchases are forgotten, none first.

  The unit of time is that of the data, seconds or positions, so the rates are
  shares of the median time from the first purchase of a history to its request.
  """
  spans = [
    part.ages[part.histories.offsets[:-1][part.histories.sizes > 0]]
    for part in validation
    if part.shows_history
  ]
  span = float(np.median(np.concatenate(spans))) if any(map(len, spans)) else 0

  def ranker(tau: float) -> Rank:
    return lambda requests, **options: repeat.rank(
      requests.histories, requests.ages, order, tau=tau, **options
    )

  taus = [share * span for share in _TAU_SHARES if span > 0]
  return {f"tau={tau:.4g}": ranker(tau) for tau in (math.inf, *taus)}


def neighbours(
  sequences: RowLists,
  num_items: int,
  *,
  windows: Sequence[int],
  lasts: Sequence[int],
) -> dict[str, Rank]:
  """Rankers by the window of pairs and the number of newest purchases read.

  The pairs of a window are counted when it first ranks; those of two windows
  are kept.
  """

  @functools.lru_cache(maxsize=2)  # Pairs of a window take 100 MB and more.
  def fitted(window: int) -> Fitted:
    return item_knn.fit(sequences, num_items=num_items, window=window)

  def ranker(window: int, last: int) -> Rank:
    return lambda requests, **options: item_knn.rank(
      fitted(window), requests.histories, last=last, **options
    )

  return {
    f"window={window}, last={last}": ranker(window, last)
    for window in windows
    for last in lasts
  }


def autoencoders(
  sequences: RowLists, num_items: int, ridges: Sequence[float]
) -> dict[str, Rank]:
  """Rankers by the ridge, each fitted when it ranks."""

  @functools.lru_cache(maxsize=1)  # A system of items takes up to a gigabyte.
  def fitted(ridge: float) -> ease.Ease:
    return ease.fit(sequences, num_items=num_items, ridge=ridge)

  def ranker(ridge: float) -> Rank:
    return lambda requests, **options: ease.rank(
      fitted(ridge), requests.histories, **options
    )

  return {f"ridge={ridge:g}": ranker(ridge) for ridge in ridges}


def own_counts(state: Fitted) -> Rank:
  """By what the query led to and the user's own purchases of it."""
  return lambda requests, **options: query_history_counts.rank(
    state, requests.queries, requests.histories, **options
  )


def by_vector(state: Fitted, vectors: Vectors) -> Rank:
  """By the query's vector, or without one by the newest purchases."""

  def rank(requests: EvalRequests, **options) -> np.ndarray:
    if requests.has_query:
      wanted = vectors.queries[requests.queries]
    else:
      wanted = nearest.history_vectors(vectors.items, requests.histories)
    return nearest.rank(state, wanted, **options)

  return rank


def by_history_vector(state: Fitted, vectors: Vectors) -> Rank:
  """By the mean vector of the whole history."""

  def rank(requests: EvalRequests, **options) -> np.ndarray:
    wanted = _whole_history(requests, vectors)
    return nearest.rank(state, wanted, **options)

  return rank


def by_both_vectors(state: Fitted, vectors: Vectors) -> Rank:
  """By the sum of the directions of the query and of the whole history."""

  def rank(requests: EvalRequests, **options) -> np.ndarray:
    wanted = nearest.unit(vectors.queries[requests.queries])
    wanted = wanted + nearest.unit(_whole_history(requests, vectors))
    return nearest.rank(state, wanted, **options)

  return rank


def _whole_history(requests: EvalRequests, vectors: Vectors) -> np.ndarray:
  return nearest.history_vectors(vectors.items, requests.histories, last=None)
