"""Blends of counts and words equal their sums, computed by loops."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import optimize, special

from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.studies import never_lose_blends as blends
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TEST, VALID
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation.baselines import item_knn
from tests.reference.small_world import shop

DATA = SimpleNamespace(catalogue=shop().catalogue, requests=shop().requests)
KINDS = ("semantic", "personalised", "next_basket")


def drawn(split):
  found = draw_eval_requests(DATA.requests, split=split, count=0, seed=0)
  return {one.kind: one for one in found}


@pytest.fixture(scope="module")
def validation():
  return list(drawn(VALID).values())


@pytest.fixture(scope="module")
def counts(validation):
  return blends.Counts(DATA, validation)


@pytest.mark.parametrize("kind", KINDS)
def test_counts_are_those_of_loops(kind, counts, validation):
  one, log = drawn(TEST)[kind].first(8), DATA.requests
  size = len(DATA.catalogue)
  owners = np.repeat(np.arange(len(one.rows)), size)
  items = np.tile(np.arange(size), len(one.rows))
  found = counts.features(one, owners, items)
  trained = [r for r in range(len(log)) if log.split[r] < VALID]
  setting = counts._repeats.setting(kind)
  tau = float(setting.partition("=")[2])
  for owner, row in enumerate(one.rows):
    mine = found[owner * size : (owner + 1) * size]
    begin, end = log.user_offsets[log.user[row]], log.history_end[row]
    own, aged, asked = np.zeros((3, size))
    for event in range(begin, end) if one.shows_history else ():
      age = log.time[row] - log.event_time[event]
      own[log.event_item[event]] += 1
      aged[log.event_item[event]] += math.exp(-age / tau)
    for other in trained if one.has_query else ():
      if log.query[other] == log.query[row]:
        page = slice(log.page_offsets[other], log.page_offsets[other + 1])
        chosen = log.page_item[page][log.page_kind[page] > 0]
        np.add.at(asked, chosen, 1)
    expected = (own, aged, asked, DATA.catalogue.popularity)
    np.testing.assert_allclose(mine, np.stack(expected, 1), rtol=1e-5)
  assert found[:, 0].any() == one.shows_history
  assert found[:, 2].any() == one.has_query


def test_candidates_are_distinct_and_marked():
  one = drawn(TEST)["next_basket"].first(3)
  wanted = [one.targets[r] for r in range(3)]
  proposed = np.full((3, 4), -1)
  proposed[0, :3] = [5, wanted[0][0], 5]
  proposed[2, 1] = 7
  found = blends.candidates_of(one, proposed, len(DATA.catalogue))
  pairs = list(zip(found.owners.tolist(), found.items.tolist()))
  assert pairs == [*((0, i) for i in sorted({5, wanted[0][0]})), (2, 7)]
  assert found.hits.tolist() == [item in wanted[owner] for owner, item in pairs]


def test_items_stand_by_their_scores_then_by_popularity():
  found = blends.Candidates(
    np.array([0, 0, 0, 2]), np.array([1, 2, 3, 0]), np.zeros(4, bool)
  )
  order = np.array([3, 2, 1, 0, 4], np.int32)
  scores = np.array([0.1, 0.3, 0.2, 0.5])
  hidden = RowLists(np.array([0, 1, 1, 1]), np.array([2]))
  ranked = blends.ranked(
    found, scores, order, num_requests=3, k=3, exclude=hidden
  )
  assert ranked.tolist() == [[3, 1, 0], [3, 2, 1], [0, 3, 2]]


def test_a_logistic_regression_has_no_better_weights():
  rng = np.random.default_rng(0)
  X = rng.normal(size=(300, 3))
  y = rng.random(300) < special.expit(X @ [2.0, 0.0, -1.0] - 1)
  found = blends.logistic_regression(X, y)

  def loss(w):
    logits = X @ w[:3] + w[3]
    return np.logaddexp(0, np.where(y, -logits, logits)).sum() + (
      w[:3] @ w[:3] / 2
    )

  settings = {"maxiter": 4000, "xatol": 1e-6}
  best = optimize.minimize(
    loss, np.zeros(4), method="Nelder-Mead", options=settings
  )
  np.testing.assert_allclose(found, best.x[:3], atol=2e-3)
  assert found[0] > 1 > abs(found[1])


def test_a_blend_ranks_the_requests_of_its_kind(counts, validation):
  rankers = blends.blend_of_counts(DATA, counts, validation)
  assert set(rankers) == set(KINDS)
  for kind, one in drawn(TEST).items():
    ranked = rankers[kind](one, k=5, exclude=one.hidden("out"))
    assert ranked.shape == (len(one.rows), 5)
    for r, seen in enumerate(one.seen[r] for r in range(len(one.rows))):
      assert not set(ranked[r]) & set(seen.tolist())


def test_counts_and_texts_are_the_sum_of_their_shares():
  one = drawn(TEST)["next_basket"].first(6)
  rank = blends.counts_and_texts(DATA, [], windows=(2,))
  ranked = rank(one, k=60, exclude=None)
  size = len(DATA.catalogue)
  knn = item_knn.fit(
    training_sequences(DATA.requests), num_items=size, window=2
  )
  weights = np.zeros((size, size))
  weights[:, knn.order] = knn.weights.toarray()
  words = blends.tfidf(DATA.catalogue).toarray()
  cosines = (words @ words.T) ** 3
  np.fill_diagonal(cosines, 0)
  for r in range(len(one.rows)):
    newest = one.histories[r][::-1][:10]
    share = [1 / (1 + a) for a in range(len(newest))]
    parts = [share @ table[newest] for table in (weights, cosines)]
    # Without validation the first setting is used: a weight of 1.
    score = sum(part / max(part.sum(), 1e-9) for part in parts)
    np.testing.assert_allclose(
      score[ranked[r]], np.sort(score)[::-1], rtol=1e-4, atol=1e-7
    )
