"""Values as classes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.objectives.value_buckets import sample_weights, value_buckets

SEEDS = st.integers(0, 2**31 - 1)


@given(SEEDS, st.integers(2, 25))
def test_buckets_hold_equally_many(seed, count):
  values = np.random.default_rng(seed).lognormal(size=500)
  buckets = value_buckets(values, count=count)
  number = np.bincount(buckets.of(values.astype(np.float32)), minlength=count)
  assert len(buckets) == count
  assert number.max() - number.min() <= 1


@given(SEEDS)
def test_a_larger_value_is_in_no_lower_bucket(seed):
  rng = np.random.default_rng(seed)
  values = rng.integers(0, 5, 200) ** 2
  buckets = value_buckets(values, count=20)
  found = np.asarray(buckets.of(jnp.sort(jnp.asarray(values, jnp.float32))))
  assert (np.diff(found) >= 0).all()
  # Equal values are one bucket.
  assert len(buckets) == len(set(values)) == len(set(found))
  np.testing.assert_allclose(buckets.means, sorted(set(values)))


@given(SEEDS)
def test_a_sure_prediction_is_worth_its_buckets_mean(seed):
  values = np.random.default_rng(seed).lognormal(size=100)
  buckets = value_buckets(values, count=4)
  sure = 50.0 * jax.nn.one_hot(jnp.arange(4), 4)
  np.testing.assert_allclose(buckets.expected(sure), buckets.means, rtol=1e-5)
  # Not knowing is the mean of all, where buckets hold equally many.
  unsure = buckets.expected(jnp.zeros(4))
  np.testing.assert_allclose(unsure, values.mean(), rtol=1e-4)


def test_values_outside_the_training_period_are_in_the_end_buckets():
  buckets = value_buckets(np.arange(10.0), count=5)
  assert buckets.of(jnp.array([-5.0, 1e9])).tolist() == [0, 4]


@pytest.mark.parametrize(
  ("values", "count", "message"),
  [([1.0], 1, "give at least 2"), ([], 2, "0 values"), ([np.nan], 2, "finite")],
)
def test_what_has_no_buckets_is_refused(values, count, message):
  with pytest.raises(ValueError, match=message):
    value_buckets(np.array(values), count=count)


@given(SEEDS)
def test_sample_weights_have_mean_one_and_keep_their_order(seed):
  user, behavior = np.random.default_rng(seed).lognormal(2, size=(2, 50))
  weights = sample_weights(user, behavior)
  assert weights.mean() == pytest.approx(1)
  assert weights.max() / weights.min() <= 100 * (1 + 1e-9)
  assert (np.diff(weights[np.argsort(user * behavior)]) >= 0).all()


def test_a_negative_factor_is_refused():
  with pytest.raises(ValueError, match="at least 0"):
    sample_weights(np.array([-1.0]))
