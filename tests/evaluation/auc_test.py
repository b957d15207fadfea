import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gr_jax.evaluation.auc import (
  auc,
  grouped_auc,
  resampled_auc,
  resampled_grouped_auc,
)
from gr_jax.evaluation.intervals import draws

SEEDS = st.integers(0, 2**31 - 1)


def rows(seed, n=60):
  rng = np.random.default_rng(seed)
  scores = rng.integers(0, 12, n).astype(np.float32)  # Many ties.
  labels = rng.random(n) < 0.3
  labels[:2] = [True, False]
  return scores, labels, rng.integers(0, 8, n)


@given(SEEDS)
def test_auc_is_that_of_scikit_learn(seed):
  scores, labels, _ = rows(seed)
  np.testing.assert_allclose(auc(scores, labels), roc_auc_score(labels, scores))


@given(SEEDS)
def test_gauc_is_the_weighted_mean_over_groups_with_both_labels(seed):
  scores, labels, groups = rows(seed)
  total, weight = 0.0, 0
  for group in np.unique(groups):
    own = groups == group
    if 0 < labels[own].sum() < own.sum():
      total += own.sum() * roc_auc_score(labels[own], scores[own])
      weight += own.sum()
  np.testing.assert_allclose(
    grouped_auc(scores, labels, groups), total / weight
  )


@given(SEEDS)
def test_a_constant_per_group_changes_auc_and_not_gauc(seed):
  scores, labels, groups = rows(seed)
  moved = scores + 100 * groups
  np.testing.assert_allclose(
    grouped_auc(moved, labels, groups), grouped_auc(scores, labels, groups)
  )
  np.testing.assert_allclose(auc(-scores, labels), 1 - auc(scores, labels))


def test_labels_that_are_all_the_same_have_no_auc():
  assert np.isnan(auc(np.arange(3.0), np.ones(3, bool)))
  assert np.isnan(auc(np.zeros(0), np.zeros(0, bool)))


def test_draws_of_users_are_those_of_repeated_rows():
  rng = np.random.default_rng(3)
  users = rng.integers(0, 12, 200)
  scores = np.round(rng.normal(size=200), 1)
  labels = rng.uniform(size=200) < 0.4
  groups = users * 3 + rng.integers(0, 3, 200)
  found = resampled_auc(scores, labels, users, resamples=5)
  grouped = resampled_grouped_auc(scores, labels, groups, users, resamples=5)
  _, own = np.unique(users, return_inverse=True)
  [drawn] = draws(int(own.max()) + 1, 5, 0)
  for weights, value, value_of_groups in zip(drawn, found, grouped):
    again = np.repeat(np.arange(200), weights[own].astype(int))
    np.testing.assert_allclose(value, auc(scores[again], labels[again]))
    copy = np.concatenate([np.arange(n) for n in weights[own].astype(int)])
    expected = grouped_auc(
      scores[again], labels[again], groups[again] * 99 + copy
    )
    np.testing.assert_allclose(value_of_groups, expected)
  same = resampled_auc(scores, np.zeros(200, bool), users, resamples=3)
  assert np.isnan(same).all()
