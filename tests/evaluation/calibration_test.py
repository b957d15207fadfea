import numpy as np
import pytest

from gr_jax.evaluation.calibration import Platt, calibration_error, fit_platt


def drawn(slope, offset, n=20_000):
  rng = np.random.default_rng(0)
  scores = rng.normal(size=n)
  return scores, rng.random(n) < Platt(slope, offset)(scores)


@pytest.mark.parametrize("truth", [(1.0, 0.0), (0.3, -2.0), (3.0, 1.0)])
def test_the_map_that_made_the_labels_is_found(truth):
  scores, labels = drawn(*truth)
  np.testing.assert_allclose(fit_platt(scores, labels), truth, atol=0.1)


def test_calibration_takes_the_error_away_and_keeps_the_order():
  scores, labels = drawn(0.5, -2.0)
  before = calibration_error(Platt(1.0, 0.0)(scores), labels)
  found = fit_platt(scores, labels)(scores)
  assert before > 0.2
  assert calibration_error(found, labels) < 0.01
  assert (np.diff(found[np.argsort(scores)]) >= 0).all()


def test_the_mean_probability_is_the_share_of_positives():
  scores, labels = drawn(2.0, -1.0)
  mean = fit_platt(scores, labels)(scores).mean()
  np.testing.assert_allclose(mean, labels.mean(), atol=1e-3)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
def test_separable_and_constant_labels_stay_finite(labels):
  found = fit_platt(np.arange(4.0), np.array(labels, bool))
  assert np.isfinite(found).all()
  p = found(np.arange(4.0))
  assert ((p > 0) & (p < 1)).all()


def test_certain_and_right_has_no_error():
  labels = np.array([False, True, True])
  assert calibration_error(labels.astype(float), labels) == 0
  np.testing.assert_allclose(calibration_error(1.0 - labels, labels), 1)
