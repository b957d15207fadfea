"""Rankings of the baselines for the requests of an evaluation."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from experiments.pipeline.embed import Vectors
from experiments.pipeline.eval_requests import EvalRequests, Rank
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import (
  bm25,
  item_knn,
  nearest,
  popularity,
  query_counts,
  repeat,
)
from gr_jax.evaluation.baselines.top_items import popularity_order


class TrainedRanker(Protocol):
  """A ranker that a stage of the run trained, to stand beside the baselines.

  Attributes:
    needs: what it reads of a request, as in `Baseline`.
    artefact: the files of the stage.
  """

  needs: tuple[str, ...]
  artefact: Artefact

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

  `item_knn` pairs purchases up to `window` positions apart and reads the `last`
  newest ones; `trained` are the rankers that a recipe trains, by name.
  """

  def __init__(
    self,
    data: Data,
    vectors: Vectors,
    *,
    window: int,
    last: int,
    trained: Mapping[str, TrainedRanker] | None = None,
  ):
    catalogue, requests = data.catalogue, data.requests
    counts = catalogue.popularity
    sequences = training_sequences(requests)
    order = popularity_order(counts)
    close = item_knn.fit(sequences, num_items=len(catalogue), window=window)
    self._baselines = {
      "popularity": Baseline(_popular(order)),
      "repeat": _of_history(repeat.rank),
      "item_knn": _of_history(
        functools.partial(item_knn.rank, close, last=last)
      ),
      "query_counts": _of_query(
        functools.partial(query_counts.rank, query_counts.fit(requests, counts))
      ),
      "bm25": _of_text(
        functools.partial(bm25.rank, bm25.fit(catalogue.texts, counts))
      ),
      "nearest": Baseline(_nearest(vectors, counts)),
    }
    for name, ranker in (trained or {}).items():
      self._baselines[name] = Baseline(ranker.rank, ranker.needs)

  def rank(
    self, requests: EvalRequests, *, k: int, exclude: RowLists | None
  ) -> Iterator[tuple[str, np.ndarray]]:
    """`(name, [R, k])` of every baseline that has something to go by.

    A baseline sees what the generator sees: no history where it is hidden.
    """
    for name, baseline in self._baselines.items():
      if set(baseline.needs) <= requests.shows:
        yield name, baseline.rank(requests, k=k, exclude=exclude)


def _of_history(rank: Callable[..., np.ndarray]) -> Baseline:
  """A baseline of `rank(histories, k=, exclude=)`."""
  return Baseline(
    lambda requests, **options: rank(requests.histories, **options),
    ("history",),
  )


def _of_query(rank: Callable[..., np.ndarray]) -> Baseline:
  """A baseline of `rank(rows of the queries, k=, exclude=)`."""
  return Baseline(
    lambda requests, **options: rank(requests.queries, **options), ("query",)
  )


def _of_text(rank: Callable[..., np.ndarray]) -> Baseline:
  """A baseline of `rank(texts of the queries, k=, exclude=)`."""

  def by_text(requests: EvalRequests, **options) -> np.ndarray:
    texts: Sequence[str] = requests.table.queries[requests.queries]
    return rank(texts, **options)

  return Baseline(by_text, ("query",))


def _popular(order: np.ndarray) -> Rank:
  return lambda requests, **options: popularity.rank(
    order, len(requests.rows), **options
  )


def _nearest(vectors: Vectors, counts: np.ndarray) -> Rank:
  state = nearest.fit(vectors.items, counts)

  def rank(requests: EvalRequests, **options) -> np.ndarray:
    if requests.has_query:
      wanted = vectors.queries[requests.queries]
    else:
      wanted = nearest.history_vectors(vectors.items, requests.histories)
    return nearest.rank(state, wanted, **options)

  return rank
