"""Boosted trees over candidates, with and without the model's log-probability.

Trees are fitted on validation requests over the union of the model's beam and
what counts propose, and rank the test: once by counts alone, once by counts and
the model's log-probability, and both again with all features of the candidates
(`gr_jax.candidates`). What the log-probability adds beside all of these, the
network knows by itself. It is missing outside the beam. `[OURS]`
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.stages import Stages
from experiments.studies.never_lose_blends import (
  Candidates,
  Counts,
  candidates_of,
  ranked,
)
from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.retrieval.items_of_ids import expand_items
from gr_jax.retrieval.retriever import Retriever

ARMS = ("boosted", "boosted_model", "boosted_all", "boosted_all_model")
"""By counts; beside the model; by all features; beside the model."""

_BEAM = 100
_BLOCK = 256  # Requests at a time.
_FITTED = 2000  # Validation requests, at most.


def trees(seed: int = 0) -> Any:
  """A classifier of scikit-learn.

  Raises:
    ModuleNotFoundError: it is not installed; the message says what to do.
  """
  try:
    from sklearn.ensemble import HistGradientBoostingClassifier
  except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
      "the boosted rankers of the study need scikit-learn: pip install "
      "scikit-learn, or leave them out with --config.boosted=False."
    ) from error
  return HistGradientBoostingClassifier(
    learning_rate=0.05,
    max_iter=200,
    max_leaf_nodes=15,
    min_samples_leaf=50,
    l2_regularization=1.0,
    early_stopping=False,
    random_state=seed,
  )


class _Table(NamedTuple):
  """Candidates and their features, `[n, F]` float32 each."""

  candidates: Candidates
  counts: np.ndarray
  model: np.ndarray
  all_features: np.ndarray

  def of(self, arm: str) -> np.ndarray:
    parts = [self.counts]
    parts += [self.all_features] if "all" in arm else []
    parts += [self.model] if "model" in arm else []
    return np.concatenate(parts, axis=1)


class BoostedRankers:
  """Fits and ranks, a kind of requests at a time.

  Args:
    stages: The run, whose generator reads candidates or not.
    counts: How often and how lately items were bought.
    batch_size: Requests per search.
  """

  def __init__(self, stages: Stages, counts: Counts, *, batch_size: int):
    generator, self._ids = stages.generator, stages.tokenized.semantic_ids
    self._counts, self._writer = counts, generator.writer
    self._catalogue = stages.data.catalogue
    self._retriever = Retriever(
      generator.model, generator.params, self._ids, batch_size=batch_size
    )

  def answers(
    self, validation: EvalRequests, requests: EvalRequests, *, k: int
  ) -> Mapping[str, np.ndarray]:
    """`ARM` to `[R, k]` items of requests of the same kind, seen kept."""
    fitted = self._table(validation.first(_FITTED))
    table = self._table(requests)
    found = {}
    for arm in ARMS:
      model = trees().fit(fitted.of(arm), fitted.candidates.hits)
      found[arm] = ranked(
        table.candidates,
        model.predict_proba(table.of(arm))[:, 1],
        self._counts.order,
        num_requests=len(requests.rows),
        k=k,
        exclude=requests.hidden("kept"),
      )
    return found

  def _table(self, requests: EvalRequests) -> _Table:
    size = len(self._catalogue)
    beam = min(_BEAM, self._ids.num_ids)
    found = self._retriever.search(
      *requests.prompts(self._writer), beam_size=beam
    )
    popularity = self._catalogue.popularity
    items = expand_items(found.ids, self._ids, popularity, k=beam)
    proposed = [items, self._counts.propose(requests)]
    candidates = candidates_of(requests, np.concatenate(proposed, axis=1), size)
    owners, rows = candidates.owners, candidates.items
    # The ID of an item has the log-probability, of whatever place.
    scores = _scores_of(found.ids, found.log_probs, self._ids.num_ids)
    wanted = owners * np.int64(self._ids.num_ids) + self._ids.id_of_item[rows]
    model = scores.at(wanted)
    return _Table(
      candidates,
      self._counts.features(requests, owners, rows),
      model[:, None],
      self._features(requests, candidates),
    )

  def _features(
    self, requests: EvalRequests, candidates: Candidates
  ) -> np.ndarray:
    writer = self._writer.candidates
    if writer is None or writer.log is None:
      return np.zeros((len(candidates.items), 0), np.float32)
    size, parts = np.int64(len(self._catalogue)), []
    for begin in range(0, len(requests.rows), _BLOCK):
      parts.append(_described(writer, requests, candidates, size, begin))
    return np.concatenate(parts)


def _described(
  writer: CandidateWriter,
  requests: EvalRequests,
  candidates: Candidates,
  size: np.int64,
  begin: int,
) -> np.ndarray:
  """The features of the candidates of a block of requests."""
  rows = requests.rows[begin : begin + _BLOCK]
  shown = np.full(len(rows), requests.shows_history)
  batch = RequestBatch(writer.log, rows[:, None], shown)
  first, last = np.searchsorted(candidates.owners, (begin, begin + len(rows)))
  owners = candidates.owners[first:last] - begin
  keys = owners * size + candidates.items[first:last]
  return writer.features(batch, Pairs(keys, int(size)))


class _Scores(NamedTuple):
  keys: np.ndarray
  values: np.ndarray

  def at(self, wanted: np.ndarray) -> np.ndarray:
    """`[n]` float32, NaN where there is none."""
    at = np.searchsorted(self.keys, wanted).clip(max=len(self.keys) - 1)
    found = np.where(self.keys[at] == wanted, self.values[at], np.nan)
    return found.astype(np.float32)


def _scores_of(ids: np.ndarray, log_probs: np.ndarray, num_ids: int) -> _Scores:
  owners = np.repeat(np.arange(len(ids)), ids.shape[1])
  some = ids.ravel() >= 0
  keys = owners[some] * np.int64(num_ids) + ids.ravel()[some]
  order = np.argsort(keys)
  return _Scores(keys[order], log_probs.ravel()[some][order])
