"""Baselines without a network that a report lacks: blends of counts and words.

`counts_and_texts` adds what follows the history to what reads like it,

  score_j = follows_j + w alike_j

both divided by their sum over all items. `follows` is that of `item_knn`, and
`alike_j` the sum over the newest items of `cos^3 / (1 + a)`, the a-th newest
from 0, of TF-IDF of words and categories, among each item's hundred nearest.
`w`, and the window of `follows`, are chosen on validation. `blend_of_counts` is
a logistic regression on how often the user bought an item and how lately, what
the query led to, and popularity, fitted on validation requests over the
candidates that these counts propose. `[OURS]`
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize, sparse, special

from experiments.pipeline import baseline_rankers
from experiments.pipeline.eval_requests import EvalRequests, Rank
from experiments.pipeline.prepare import Data
from experiments.pipeline.sources import tfidf
from experiments.pipeline.validation_choice import Choice, choose
from gr_jax.candidates.sources.likeness import like_texts
from gr_jax.data import row_lists
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import item_knn, query_counts, top_items
from gr_jax.evaluation.baselines.fill_up import fill_up
from gr_jax.evaluation.baselines.top_items import popularity_order

_WEIGHTS = (1.0, 0.3, 3.0)
_PROPOSED = 100  # Of each count.
_FITTED = 2000  # Validation requests of each kind, at most.
_PENALTY = 1.0


def counts_and_texts(
  data: Data, validation: Sequence[EvalRequests], *, windows: Sequence[int]
) -> Choice:
  """The ranker `counts_and_texts` of this file.

  Args:
    data: The catalogue and the log.
    validation: Requests that choose the weight of the texts and the window.
    windows: Positions between purchases that are paired.
  """
  size = len(data.catalogue)
  sequences = training_sequences(data.requests)
  order = popularity_order(data.catalogue.popularity)
  texts = like_texts(tfidf(data.catalogue))[:, order]

  @functools.lru_cache(maxsize=1)
  def follows_of(window: int) -> Any:
    return item_knn.fit(sequences, num_items=size, window=window).weights

  def ranker(window: int, weight: float) -> Rank:
    def rank(
      requests: EvalRequests, /, *, k: int, exclude: RowLists | None
    ) -> np.ndarray:
      mixture = _newest_items(requests.histories, size)

      def score(start: int, stop: int) -> np.ndarray:
        some = mixture[start:stop]
        follows = _shares((some @ follows_of(window)).toarray())
        return follows + weight * _shares((some @ texts).toarray())

      return top_items.top_items(
        score, order, num_requests=mixture.shape[0], k=k, exclude=exclude
      )

    return rank

  options = {
    f"window={window}, weight={weight:g}": ranker(window, weight)
    for window in windows
    for weight in _WEIGHTS
  }
  return choose(options, validation, needs=("history",))


def _newest_items(histories: RowLists, num_items: int) -> Any:
  """`[R, N]`, `1 / (1 + a)` at the a-th newest of the last ten items."""
  recent = row_lists.newest(histories, 10)
  age = recent.offsets[1:][recent.owners] - 1 - np.arange(len(recent.rows))
  weights = (1 / (1 + age)).astype(np.float32)
  shape = (len(recent), num_items)
  return sparse.csr_array((weights, recent.rows, recent.offsets), shape)


def _shares(scores: np.ndarray) -> np.ndarray:
  return scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-9)


class Counts:
  """How often and how lately items were bought, for any requests.

  Args:
    data: The catalogue and the log.
    validation: Requests that choose the rate at which purchases age.
  """

  names = ("own", "aged", "query", "popularity")

  def __init__(self, data: Data, validation: Sequence[EvalRequests]):
    self._size = len(data.catalogue)
    self._popularity = data.catalogue.popularity
    self.order = popularity_order(self._popularity)
    self._by_query = query_counts.fit(data.requests, self._popularity)
    self._column_of = np.argsort(self.order)
    options = baseline_rankers.repeats(self.order, validation)
    self._repeats = choose(options, validation, needs=("history",))

  def propose(self, requests: EvalRequests) -> np.ndarray:
    """`[R, K]` the best of each count, -1 where there is none."""
    options = {"k": _PROPOSED, "exclude": None}
    rank = baseline_rankers.popular(self.order)
    found = [rank(requests, **options)]
    if requests.has_query:
      found.append(
        query_counts.rank(self._by_query, requests.queries, **options)
      )
    if requests.shows_history:
      found.append(self._repeats(requests, **options))
    return np.concatenate(found, axis=1)

  def features(
    self, requests: EvalRequests, owners: np.ndarray, items: np.ndarray
  ) -> np.ndarray:
    """`[n, 4]` float32 of pairs of a request and an item."""
    own, aged = np.zeros((2, len(items)))
    if requests.shows_history:
      own, aged = self._own(requests, owners, items)
    by_query = np.zeros(len(items))
    if requests.has_query:
      columns = self._column_of[items]
      found = self._by_query.weights[requests.queries[owners], columns]
      by_query = found.toarray() if sparse.issparse(found) else found
    popularity = self._popularity[items]
    columns = (own, aged, by_query, popularity)
    return np.stack(columns, axis=1).astype(np.float32)

  def _own(self, requests, owners, items) -> tuple[np.ndarray, np.ndarray]:
    tau = float(self._repeats.setting(requests.kind).partition("=")[2])
    past = requests.histories
    keys = past.owners * np.int64(self._size) + past.rows
    known, place = np.unique(keys, return_inverse=True)
    wanted = owners * np.int64(self._size) + items
    at = np.searchsorted(known, wanted).clip(max=max(len(known) - 1, 0))
    there = known[at] == wanted if len(known) else np.zeros(len(items), bool)
    weights = np.ones(len(keys)), np.exp(-requests.ages / tau)
    sums = (np.bincount(place, w, minlength=len(known)) for w in weights)
    own, aged = (np.where(there, s[at] if len(s) else 0, 0) for s in sums)
    return own, aged


class Candidates(NamedTuple):
  """Distinct pairs of a request and an item, by request, then by item.

  Attributes:
    owners: `[n]`.
    items: `[n]`.
    hits: `[n]` bool, whether the item is a target of the request.
  """

  owners: np.ndarray
  items: np.ndarray
  hits: np.ndarray


def candidates_of(
  requests: EvalRequests, proposed: np.ndarray, num_items: int
) -> Candidates:
  """The distinct items `[R, K]` that were proposed for each request."""
  owners = np.repeat(np.arange(len(proposed)), proposed.shape[1])
  items = proposed.ravel()
  some = items >= 0
  keys = np.unique(owners[some] * np.int64(num_items) + items[some])
  wanted = requests.relevant(requests.hidden("kept"))
  hits = np.isin(keys, wanted.owners * np.int64(num_items) + wanted.rows)
  return Candidates(keys // num_items, keys % num_items, hits)


def ranked(
  candidates: Candidates,
  scores: np.ndarray,
  order: np.ndarray,
  *,
  num_requests: int,
  k: int,
  exclude: RowLists | None,
) -> np.ndarray:
  """`[R, k]` items by their scores `[n]`, then by popularity."""
  by_score = np.lexsort((-scores, candidates.owners))
  sizes = np.bincount(candidates.owners, minlength=num_requests)
  lists = RowLists(
    row_lists.offsets_of(sizes), candidates.items[by_score].astype(np.int32)
  )
  return fill_up(lists, order, k=k, exclude=exclude)


def blend_of_counts(
  data: Data, counts: Counts, validation: Sequence[EvalRequests]
) -> Mapping[str, Rank]:
  """The ranker `blend_of_counts` of each kind that validation has."""
  size = len(data.catalogue)

  def pairs(requests: EvalRequests) -> tuple[Candidates, np.ndarray]:
    found = candidates_of(requests, counts.propose(requests), size)
    features = counts.features(requests, found.owners, found.items)
    return found, np.concatenate((np.log1p(features), features > 0), axis=1)

  def ranker(score: Callable[[np.ndarray], np.ndarray]) -> Rank:
    def rank(
      requests: EvalRequests, /, *, k: int, exclude: RowLists | None
    ) -> np.ndarray:
      found, features = pairs(requests)
      return ranked(
        found, score(features), counts.order,
        num_requests=len(requests.rows), k=k, exclude=exclude,
      )  # fmt: skip

    return rank

  rankers = {}
  for requests in validation:
    found, features = pairs(requests.first(_FITTED))
    if found.hits.any():
      weights = logistic_regression(features, found.hits)
      rankers[requests.kind] = ranker(functools.partial(_linear, weights))
  return rankers


def _linear(weights: np.ndarray, features: np.ndarray) -> np.ndarray:
  return features @ weights


def logistic_regression(features: np.ndarray, hits: np.ndarray) -> np.ndarray:
  """The weights `w [F]` that minimise, with a free bias `b`,

  Σ log(1 + exp(-y (w . f + b))) + |w|^2 / 2
  """
  X = np.concatenate((features, np.ones((len(features), 1))), axis=1)
  X, sign = X.astype(np.float64), np.where(hits, 1.0, -1.0)

  def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
    margin = sign * (X @ w)
    pull = _PENALTY * np.append(w[:-1], 0.0)
    value = -special.log_expit(margin).sum() + pull @ w / 2
    return float(value), pull - X.T @ (sign * special.expit(-margin))

  start = np.zeros(X.shape[1])
  return optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x[:-1]
