import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.training.optimizer import (
  OptimizerConfig,
  make_optimizer,
  make_schedule,
)


def test_rate_climbs_to_the_peak_and_ends_at_zero():
  schedule = make_schedule(OptimizerConfig(learning_rate=0.5), 100)
  rates = np.array([schedule(t) for t in range(101)])
  assert rates[0] == 0
  assert rates.argmax() == 5
  np.testing.assert_allclose(rates[5], 0.5)
  np.testing.assert_allclose(rates[100], 0, atol=1e-8)


def test_a_constant_rate_does_not_know_the_last_step():
  config = OptimizerConfig(learning_rate=0.5, b2=0.9, schedule="constant")
  few, many = make_schedule(config, 30), make_schedule(config, 3000)
  rates = np.array([few(t) for t in range(3000)])
  np.testing.assert_array_equal(rates, [many(t) for t in range(3000)])
  # It is there after 2 / (1 - b2) steps, and stays.
  np.testing.assert_allclose(rates[:21], 0.5 * np.arange(21) / 20, rtol=1e-6)
  np.testing.assert_allclose(rates[20:], 0.5)


def test_an_unknown_schedule_is_refused_with_the_known_ones():
  with pytest.raises(ValueError, match="'linear'; use one of cosine, constant"):
    make_optimizer(OptimizerConfig(schedule="linear"), 10)


def test_decay_leaves_what_was_fitted_before():
  optimizer = make_optimizer(OptimizerConfig(weight_decay=0.1), 10)
  params = {"prior": {"candidates": {"first": jnp.ones((2, 2))}}}
  zero = {"prior": {"candidates": {"first": jnp.zeros((2, 2))}}}
  state = optimizer.init(params)
  for _ in range(2):
    updates, state = optimizer.update(zero, state, params)
  assert (updates["prior"]["candidates"]["first"] == 0).all()


def test_decay_shrinks_matrices_and_leaves_vectors():
  optimizer = make_optimizer(OptimizerConfig(weight_decay=0.1), 10)
  params = {"matrix": jnp.ones((2, 2)), "vector": jnp.ones(2)}
  zero = {"matrix": jnp.zeros((2, 2)), "vector": jnp.zeros(2)}
  state = optimizer.init(params)
  for _ in range(2):
    updates, state = optimizer.update(zero, state, params)
  assert (updates["matrix"] < 0).all()
  assert (updates["vector"] == 0).all()
