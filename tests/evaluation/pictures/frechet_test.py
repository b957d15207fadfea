"""Laws of the Fréchet distance."""

import numpy as np
import pytest
import scipy.linalg

from gr_jax.evaluation.pictures.frechet import frechet_distance


def rows(n=200, width=6, seed=0):
  """Correlated features."""
  rng = np.random.default_rng(seed)
  mix = rng.normal(size=(width, width))
  return rng.normal(size=(n, width)) @ mix + rng.normal(size=width)


def with_moments(mean, root, n=64):
  """Rows whose mean and covariance `rootᵀ root` are exact."""
  x = np.random.default_rng(7).normal(size=(n, len(mean)))
  whitened = np.linalg.qr(x - x.mean(axis=0))[0] * np.sqrt(n - 1)
  return whitened @ root + mean


def test_equal_sets_have_no_distance():
  x = rows()
  order = np.random.default_rng(1).permutation(len(x))
  assert frechet_distance(x, x[order]) == pytest.approx(0, abs=1e-10)
  # Also where covariances have no full rank.
  assert frechet_distance(x[:4], x[:4]) == pytest.approx(0, abs=1e-10)


def test_the_distance_is_symmetric():
  a, b = rows(seed=1), rows(n=50, seed=2)
  assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
  assert frechet_distance(a, b) > 1


def test_rotation_and_translation_of_both_change_nothing():
  a, b = rows(seed=1), rows(seed=2)
  turn = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
  moved = frechet_distance(a @ turn + 5, b @ turn + 5)
  assert moved == pytest.approx(frechet_distance(a, b))


def test_scaling_of_both_scales_its_square():
  a, b = rows(seed=1), rows(seed=2)
  distance = frechet_distance(a, b)
  assert frechet_distance(3 * a, 3 * b) == pytest.approx(9 * distance)


def test_gaussians_on_the_same_axes_are_as_far_as_arithmetic_says():
  a = with_moments([0.0, 0.0], np.diag([1.0, 2.0]))
  b = with_moments([3.0, 4.0], np.diag([4.0, 1.0]))
  expected = 3**2 + 4**2 + (1 - 4) ** 2 + (2 - 1) ** 2
  assert frechet_distance(a, b) == pytest.approx(expected)


def test_gaussians_on_other_axes_agree_with_the_root_of_the_product():
  a, b = rows(seed=1), rows(seed=2)
  cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
  root = scipy.linalg.sqrtm(cov_a @ cov_b).real
  expected = np.square(a.mean(axis=0) - b.mean(axis=0)).sum() + np.trace(
    cov_a + cov_b - 2 * root
  )
  assert frechet_distance(a, b) == pytest.approx(expected)


def test_it_grows_as_rows_collapse():
  a = b = rows(n=400)
  fewer = [
    frechet_distance(a, b[np.arange(400) % kept]) for kept in (400, 50, 10, 2)
  ]
  toward_mean = [
    frechet_distance(a, b.mean(axis=0) + share * (b - b.mean(axis=0)))
    for share in (1, 0.8, 0.5, 0)
  ]
  for distances in (fewer, toward_mean):
    assert (np.diff(distances) > 0).all()
  # A single point is as far as the set is wide.
  variance = np.trace(np.cov(a, rowvar=False))
  assert toward_mean[-1] == pytest.approx(variance)


def test_sets_of_fewer_rows_are_farther_apart():
  few, many = 25, 200
  means = []
  for n in (few, many):
    pairs = rows(n=3200).reshape(-1, 2, n, 6)
    means.append(np.mean([frechet_distance(*pair) for pair in pairs]))
  # About a constant over n.
  assert means[0] / means[1] == pytest.approx(many / few, rel=0.2)


@pytest.mark.parametrize(
  ("a", "b", "message"),
  [
    (np.zeros((3, 2)), np.zeros((3, 4)), "give \\[N, F\\] and \\[M, F\\]"),
    (np.zeros((3, 2)), np.zeros((1, 2)), "3 and 1 rows"),
    (np.zeros((3, 2)), np.full((3, 2), np.nan), "NaN or infinity"),
  ],
)
def test_features_without_covariance_raise(a, b, message):
  with pytest.raises(ValueError, match=message):
    frechet_distance(a, b)
