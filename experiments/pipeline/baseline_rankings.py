"""Rankings of the baselines for the requests of an evaluation."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from experiments.pipeline.embed import Vectors
from experiments.pipeline.eval_requests import EvalRequests, Rank
from experiments.pipeline.prepare import Data
from experiments.pipeline.validation_choice import Choice, choose
from gr_jax.artefacts import Artefact
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import (
  bm25,
  ease,
  item_knn,
  nearest,
  popularity,
  query_counts,
  query_history_counts,
  repeat,
)
from gr_jax.evaluation.baselines.top_items import Fitted, popularity_order

QUERY, HISTORY, BOTH = ("query",), ("history",), ("query", "history")

# What `repeat` may forget by: shares of the median time that a history spans.
_TAU_SHARES = (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16)


class TrainedRanker(Protocol):
  """A ranker that a stage of the run trained, to stand beside the baselines.

  Attributes:
    needs: what it reads of a request, as in `Baseline`.
    artefact: the files of the stage.
    choices: what was chosen on validation, in the form of `Choice.figures`.
  """

  needs: tuple[str, ...]
  artefact: Artefact
  choices: Sequence[dict]

  def rank(
    self, requests: EvalRequests, *, k: int, exclude: RowLists | None
  ) -> np.ndarray:
    """`[R, k]` int32 catalogue rows, best first, -1 where none is left."""
    ...


@dataclasses.dataclass(frozen=True)
class Baseline:
  """A fitted ranker.

  Attributes:
    rank: ranks requests that show what it needs.
    needs: of "query" and "history", those that it reads; it ranks the kinds of
      requests that show them.
  """

  rank: Rank
  needs: tuple[str, ...] = ()


class Baselines:
  """Every baseline, fitted once on the training period.

  Settings are chosen on the `validation` requests, for each kind of requests
  (`validation_choice.choose`): how `repeat` ages, how many of the newest
  purchases `item_knn` reads, one of `lasts`, and the ridge of `ease`, one of
  `ridges`; without any there is no `ease`. `item_knn` pairs purchases up to
  `window` positions apart. `trained` are the rankers that a recipe trains, by
  name.

  Attributes:
    left_out: rows `{"system", "reason"}` of what is too large for this data.
  """

  def __init__(
    self,
    data: Data,
    vectors: Vectors,
    *,
    validation: Sequence[EvalRequests],
    window: int,
    lasts: Sequence[int],
    ridges: Sequence[float] = (),
    trained: Mapping[str, TrainedRanker] | None = None,
  ):
    catalogue, requests = data.catalogue, data.requests
    counts, num_items = catalogue.popularity, len(catalogue)
    sequences = training_sequences(requests)
    order = popularity_order(counts)
    by_query = query_counts.fit(requests, counts)
    knn = item_knn.fit(sequences, num_items=num_items, window=window)
    words = bm25.fit(catalogue.texts, counts)
    near = nearest.fit(vectors.items, counts)
    self._baselines = {
      "popularity": Baseline(_popular(order)),
      "repeat": _chosen(_repeats(order, validation), validation),
      "item_knn": _chosen(_neighbours(knn, lasts), validation),
      "query_counts": _of_query(functools.partial(query_counts.rank, by_query)),
      "query_history_counts": Baseline(_own_counts(by_query), BOTH),
      "bm25": _of_text(functools.partial(bm25.rank, words)),
      "nearest": Baseline(_nearest(near, vectors)),
      "nearest_history": Baseline(_nearest_history(near, vectors), HISTORY),
      "nearest_both": Baseline(_nearest_both(near, vectors), BOTH),
    }
    self.left_out: list[dict] = []
    if ridges and ease.is_too_large(sequences, num_items=num_items):
      self.left_out.append({"system": "ease", "reason": ease.TOO_LARGE})
    elif ridges:
      encoders = _autoencoders(sequences, num_items, ridges)
      self._baselines["ease"] = _chosen(encoders, validation)
    self._trained = trained or {}
    for name, ranker in self._trained.items():
      self._baselines[name] = Baseline(ranker.rank, ranker.needs)

  @property
  def choices(self) -> list[dict]:
    """The rows of `Choice.figures` of all baselines, with their "system"."""
    figures = {
      name: baseline.rank.figures
      for name, baseline in self._baselines.items()
      if isinstance(baseline.rank, Choice)
    }
    figures |= {name: one.choices for name, one in self._trained.items()}
    return [
      {"system": name, **row} for name, rows in figures.items() for row in rows
    ]

  def rank(
    self, requests: EvalRequests, *, k: int, exclude: RowLists | None
  ) -> Iterator[tuple[str, np.ndarray]]:
    """`(name, [R, k])` of every baseline that has something to go by.

    A baseline sees what the generator sees: no history where it is hidden.
    """
    for name, baseline in self._baselines.items():
      if set(baseline.needs) <= requests.shows:
        yield name, baseline.rank(requests, k=k, exclude=exclude)


def _chosen(
  options: Mapping[str, Rank], validation: Sequence[EvalRequests]
) -> Baseline:
  """A baseline that reads histories, in the best of several settings."""
  return Baseline(choose(options, validation, needs=HISTORY), HISTORY)


def _of_history(rank: Callable[..., np.ndarray]) -> Baseline:
  """A baseline of `rank(histories, k=, exclude=)`."""
  return Baseline(
    lambda requests, **options: rank(requests.histories, **options), HISTORY
  )


def _of_query(rank: Callable[..., np.ndarray]) -> Baseline:
  """A baseline of `rank(rows of the queries, k=, exclude=)`."""
  return Baseline(
    lambda requests, **options: rank(requests.queries, **options), QUERY
  )


def _of_text(rank: Callable[..., np.ndarray]) -> Baseline:
  """A baseline of `rank(texts of the queries, k=, exclude=)`."""

  def by_text(requests: EvalRequests, **options) -> np.ndarray:
    texts: Sequence[str] = requests.table.queries[requests.queries]
    return rank(texts, **options)

  return Baseline(by_text, QUERY)


def _popular(order: np.ndarray) -> Rank:
  return lambda requests, **options: popularity.rank(
    order, len(requests.rows), **options
  )


def _repeats(
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


def _neighbours(state: Fitted, lasts: Sequence[int]) -> dict[str, Rank]:
  """Rankers by the number of newest purchases that are read."""

  def ranker(last: int) -> Rank:
    return lambda requests, **options: item_knn.rank(
      state, requests.histories, last=last, **options
    )

  return {f"last={last}": ranker(last) for last in lasts}


def _autoencoders(
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


def _own_counts(state: Fitted) -> Rank:
  return lambda requests, **options: query_history_counts.rank(
    state, requests.queries, requests.histories, **options
  )


def _nearest(state: Fitted, vectors: Vectors) -> Rank:
  """By the query's vector, or without one by the newest purchases."""

  def rank(requests: EvalRequests, **options) -> np.ndarray:
    if requests.has_query:
      wanted = vectors.queries[requests.queries]
    else:
      wanted = nearest.history_vectors(vectors.items, requests.histories)
    return nearest.rank(state, wanted, **options)

  return rank


def _nearest_history(state: Fitted, vectors: Vectors) -> Rank:
  """By the mean vector of the whole history."""

  def rank(requests: EvalRequests, **options) -> np.ndarray:
    wanted = _whole_history(requests, vectors)
    return nearest.rank(state, wanted, **options)

  return rank


def _nearest_both(state: Fitted, vectors: Vectors) -> Rank:
  """By the sum of the directions of the query and of the whole history."""

  def rank(requests: EvalRequests, **options) -> np.ndarray:
    wanted = nearest.unit(vectors.queries[requests.queries])
    wanted = wanted + nearest.unit(_whole_history(requests, vectors))
    return nearest.rank(state, wanted, **options)

  return rank


def _whole_history(requests: EvalRequests, vectors: Vectors) -> np.ndarray:
  return nearest.history_vectors(vectors.items, requests.histories, last=None)
