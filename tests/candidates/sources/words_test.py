import dataclasses
import functools

import numpy as np
import pytest
from bm25s.stopwords import STOPWORDS_EN

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.log import Log
from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.words import Words
from gr_jax.data.catalogue import object_array
from gr_jax.evaluation.baselines import bm25
from gr_jax.text.words import STOP_WORDS, content_words, split_words
from tests.reference import candidate_log, small_world


@functools.cache
def texts():
  """Lengths and words of all kinds, also twice, and scripts without blanks."""
  rng = np.random.default_rng(0)
  words = ["cup", "plate", "red", "the", "a", "blue", "杯子", "茶杯", "tea"]
  return [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(60)]


def batch():
  """Requests of one query each, the last without."""
  queries = ["red cup", "the tea tea", "杯", "nothing known", "cup", "a"]
  log = candidate_log.log().requests
  rows = np.arange(len(queries) + 1)
  query = log.query.copy()
  query[rows] = [*range(len(queries)), -1]
  query[len(rows) :] = -1
  log = dataclasses.replace(log, queries=object_array(queries), query=query)
  unknown = np.full(len(queries), -1)
  log = Log(log, candidate_log.log().counted, unknown, np.zeros((6, 5)))
  return RequestBatch(log, rows[:, None], np.ones(len(rows), bool))


def expected():
  """`[7, 60]` of the baseline, 0 without a query."""
  state = bm25.fit(texts(), np.zeros(60))
  found = [
    bm25._score(state, content_words(split_words(query)))
    for query in batch().log.requests.queries
  ]
  scores = np.zeros((7, 60))
  scores[:6, state.order] = found
  return scores


def test_scores_are_those_of_the_baseline():
  found = Words(texts()).describe(batch(), candidate_log.all_pairs(batch()))
  scores = expected()
  np.testing.assert_allclose(
    np.expm1(found[:, 0]).reshape(7, 60), scores, rtol=1e-4, atol=1e-5
  )
  assert (scores[[0, 1, 2, 4]] > 0).any(axis=1).all()
  best = np.maximum(scores.max(axis=1, keepdims=True), 1e-9)
  share = np.where(np.arange(7)[:, None] < 6, np.log(scores / best + 0.01), 0)
  np.testing.assert_allclose(
    found[:, 1].reshape(7, 60), share, rtol=1e-4, atol=1e-5
  )


def test_a_query_may_be_all_of_a_text():
  found = Words(texts()).describe(batch(), candidate_log.all_pairs(batch()))
  whole = found[:, 2].reshape(7, 60)
  queries = [*batch().log.requests.queries, None]
  for row, query in enumerate(queries):
    same = query and [text == query for text in texts()]
    np.testing.assert_array_equal(whole[row], same or np.zeros(60))
  assert whole.any()


def test_stop_words_are_those_of_the_baseline():
  assert frozenset(STOPWORDS_EN) == STOP_WORDS


@pytest.mark.parametrize("most", [3, 100])
def test_a_query_proposes_its_best_scores(most):
  proposed = Words(texts(), most=most).propose(batch())
  assert Words(texts(), most=1).propose(batch()) is not None
  scores = expected()
  for row in range(7):
    mine = proposed.owners == row
    count = min(most, (scores[row] > 0).sum())
    np.testing.assert_allclose(
      np.sort(proposed.scores[mine])[::-1],
      np.sort(scores[row])[::-1][:count],
      rtol=1e-4,
    )
    np.testing.assert_allclose(
      proposed.scores[mine], scores[row, proposed.items[mine]], rtol=1e-4
    )


def test_new_items_read_the_weights_of_the_old_ones():
  facts = ItemFacts(
    object_array([*texts(), texts()[3], "saucer cup"]),
    np.zeros((62, 0), np.int32),
    np.zeros(62, np.float32),
    np.zeros((62, 5), np.float32),
  )
  grown = Words(texts()).grown(facts)
  pairs = Pairs(np.arange(7 * 62), 62)
  found = grown.describe(batch(), pairs)[:, 0].reshape(7, 62)
  old = Words(texts()).describe(batch(), candidate_log.all_pairs(batch()))
  np.testing.assert_allclose(found[:, :60], old[:, 0].reshape(7, 60))
  np.testing.assert_allclose(found[:, 60], found[:, 3])
  assert found[0, 61] > 0
  same = grown.describe(batch(), pairs)[:, 2].reshape(7, 62)
  np.testing.assert_array_equal(same[:, 60], same[:, 3])
  few = Words(texts(), most=1).grown(facts).propose(batch())
  best = np.where(found > found.max(axis=1, keepdims=True) - 1e-5, found, 0)
  for owner, item in zip(few.owners, few.items):
    # Of equal scores the newest item.
    assert item == np.flatnonzero(best[owner])[-1]
  assert set(grown._columns) - set(Words(texts())._columns) == {"saucer"}


def test_requests_without_a_query_get_nothing():
  known = candidate_log.batch()
  rows = known.requests[known.queries < 0]
  plain = RequestBatch(known.log, rows, np.ones(len(rows), bool))
  source = Words(small_world.shop().catalogue.texts)
  assert source.propose(plain) is None
  pairs = candidate_log.all_pairs(plain)
  assert not source.describe(plain, pairs).any()
