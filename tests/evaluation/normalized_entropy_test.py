"""NE by its closed forms."""

import numpy as np
import pytest

from gr_jax.evaluation.normalized_entropy import (
  log_losses,
  normalized_entropy,
  resampled_entropy,
)

LABELS = np.array([1, 0, 0, 1, 0], np.float32)


def test_the_base_rate_alone_is_one_and_the_labels_are_nothing():
  rate = np.full(5, LABELS.mean())
  assert normalized_entropy(rate, LABELS) == pytest.approx(1)
  assert normalized_entropy(LABELS, LABELS) < 1e-5


def test_a_row_that_counts_twice_is_two_rows():
  p = np.array([0.9, 0.2, 0.4, 0.5, 0.1])
  twice = normalized_entropy(np.tile(p, 2), np.tile(LABELS, 2))
  assert normalized_entropy(p, LABELS) == pytest.approx(twice)


def test_labels_that_are_all_the_same_have_none():
  assert np.isnan(normalized_entropy(np.array([0.5]), np.array([1.0])))
  assert np.isnan(normalized_entropy(np.zeros(0), np.zeros(0)))


def test_certain_errors_are_finite():
  assert np.isfinite(log_losses(np.array([0.0, 1.0]), np.array([1, 0]))).all()


def test_draws_of_users_are_about_the_figure_and_alike_for_all():
  rng = np.random.default_rng(0)
  users = np.repeat(np.arange(400), 5)
  p = rng.uniform(0.05, 0.95, 2000)
  labels = rng.uniform(size=2000) < p
  draws = resampled_entropy(p, labels, users)
  value = normalized_entropy(p, labels)
  low, high = np.quantile(draws, (0.025, 0.975))
  assert low < value < high
  assert high - low < 0.1
  np.testing.assert_array_equal(draws, resampled_entropy(p, labels, users))
