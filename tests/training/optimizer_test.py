import jax.numpy as jnp
import numpy as np

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


def test_decay_shrinks_matrices_and_leaves_vectors():
  optimizer = make_optimizer(OptimizerConfig(weight_decay=0.1), 10)
  params = {"matrix": jnp.ones((2, 2)), "vector": jnp.ones(2)}
  zero = {"matrix": jnp.zeros((2, 2)), "vector": jnp.zeros(2)}
  state = optimizer.init(params)
  for _ in range(2):
    updates, state = optimizer.update(zero, state, params)
  assert (updates["matrix"] < 0).all()
  assert (updates["vector"] == 0).all()
