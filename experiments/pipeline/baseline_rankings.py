"""Rankings of the baselines for the requests of an evaluation."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from experiments.pipeline import baseline_rankers as rankers
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
  nearest,
  query_counts,
)
from gr_jax.evaluation.baselines.top_items import popularity_order

QUERY, HISTORY, BOTH = ("query",), ("history",), ("query", "history")


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
  (`validation_choice.choose`): how `repeat` ages, how far apart the purchases
  are that `item_knn` pairs, one of `windows`, how many of the newest purchases
  it reads, one of `lasts`, and the ridge of `ease`, one of `ridges`; without
  any there is no `ease`. `trained` are the rankers that a recipe trains, by
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
    windows: Sequence[int],
    lasts: Sequence[int],
    ridges: Sequence[float] = (),
    trained: Mapping[str, TrainedRanker] | None = None,
  ):
    catalogue, requests = data.catalogue, data.requests
    counts, num_items = catalogue.popularity, len(catalogue)
    sequences = training_sequences(requests)
    order = popularity_order(counts)
    by_query = query_counts.fit(requests, counts)
    pairs = rankers.neighbours(
      sequences, num_items, windows=windows, lasts=lasts
    )
    words = bm25.fit(catalogue.texts, counts)
    near = nearest.fit(vectors.items, counts)
    queried = rankers.by_query(functools.partial(query_counts.rank, by_query))
    worded = rankers.by_text(functools.partial(bm25.rank, words))
    near_history = rankers.by_history_vector(near, vectors)
    near_both = rankers.by_both_vectors(near, vectors)
    self._baselines = {
      "popularity": Baseline(rankers.popular(order)),
      "repeat": _chosen(rankers.repeats(order, validation), validation),
      "item_knn": _chosen(pairs, validation),
      "query_counts": Baseline(queried, QUERY),
      "query_history_counts": Baseline(rankers.own_counts(by_query), BOTH),
      "bm25": Baseline(worded, QUERY),
      "nearest": Baseline(rankers.by_vector(near, vectors)),
      "nearest_history": Baseline(near_history, HISTORY),
      "nearest_both": Baseline(near_both, BOTH),
    }
    self.left_out: list[dict] = []
    if ridges and ease.is_too_large(sequences, num_items=num_items):
      self.left_out.append({"system": "ease", "reason": ease.TOO_LARGE})
    elif ridges:
      encoders = rankers.autoencoders(sequences, num_items, ridges)
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
