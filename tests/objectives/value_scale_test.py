import numpy as np
import pytest

from gr_jax.objectives.value_scale import ValueScale, fit_scale


def test_a_power_that_values_follow_is_found():
  predicted = np.geomspace(1, 1e4, 400)
  found = fit_scale(predicted, 0.3 * predicted**1.4)
  np.testing.assert_allclose(found, (0.3, 1.4), rtol=1e-6)


def test_sums_are_those_of_the_values_and_the_order_stays():
  rng = np.random.default_rng(0)
  predicted = rng.lognormal(3, 1, 2000)
  values = predicted**0.8 * rng.lognormal(0, 1, 2000)
  scale, power = fit_scale(predicted, values)
  scaled = scale * predicted**power
  np.testing.assert_allclose(scaled.sum(), values.sum(), rtol=1e-6)
  weighted = np.log(predicted)
  np.testing.assert_allclose(
    (weighted * scaled).sum(), (weighted * values).sum(), rtol=1e-6
  )
  assert power > 0


def test_another_currency_is_another_scale_alone():
  rng = np.random.default_rng(1)
  predicted = rng.lognormal(0, 1, 500)
  values = predicted * rng.lognormal(0, 0.5, 500)
  one, other = fit_scale(predicted, values), fit_scale(predicted, 100 * values)
  np.testing.assert_allclose(other.scale, 100 * one.scale, rtol=1e-6)
  np.testing.assert_allclose(other.power, one.power, rtol=1e-6)


@pytest.mark.parametrize(
  ("predicted", "values"),
  [
    (np.arange(1.0, 20), np.arange(1.0, 20)),  # Too few.
    (np.arange(1.0, 100), np.zeros(99)),  # Nothing was paid.
    (np.zeros(99), np.arange(99.0)),  # Nothing was predicted.
    (np.linspace(1, 9, 99), np.linspace(9, 1, 99)),  # Against the order.
    (np.ones(99), np.arange(99.0)),  # One prediction for all: no power.
  ],
)
def test_predictions_stay_where_no_power_fits(predicted, values):
  found = fit_scale(predicted, values)
  if predicted.std() > 0 or not predicted.any():
    assert found == ValueScale()
  else:
    np.testing.assert_allclose(found.scale, values.mean())


@pytest.mark.parametrize(
  ("predicted", "values", "words"),
  [
    (np.ones(3), np.ones(2), r"\(3,\) predictions and \(2,\) values"),
    (np.ones(2), np.array([1.0, np.nan]), "finite and at least 0"),
    (np.array([-1.0, 1.0]), np.ones(2), "finite and at least 0"),
  ],
)
def test_what_is_no_value_is_refused(predicted, values, words):
  with pytest.raises(ValueError, match=words):
    fit_scale(predicted, values)
