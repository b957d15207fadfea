import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.rl.experts import Group
from gr_jax.rl.group_metrics import group_metrics


def figures():
  """Two groups of three; the second is two samples with equal rewards, the
  first ends in an expert."""
  where = jnp.array([[[1, 1], [1, 0], [1, 1]], [[1, 1], [1, 1], [0, 0]]], bool)
  group = Group(
    ids=jnp.array([[4, -1, 2], [4, 5, -1]]),
    codes=jnp.zeros((2, 3, 2), jnp.int32),
    where=where,
    sampled=jnp.array([[1, 1, 0], [1, 1, 0]], bool),
  )
  log_probs = -jnp.array([[[1.0, 2], [3, 9], [1, 1]], [[2, 2], [1, 4], [9, 9]]])
  rewards = jnp.array([[1.0, 0, 2], [0.5, 0.5, 9]])
  return jax.jit(group_metrics)(
    log_probs, log_probs - 0.5 * where, rewards, group
  )


def test_figures_are_those_of_samples():
  found = {name: float(value) for name, value in figures().items()}
  assert found["align/reward"] == (1 + 0 + 0.5 + 0.5) / 4
  assert found["align/valid"] == 3 / 4
  assert found["align/unique_ids"] == 3 / 4  # 4, 5 and "nothing".
  assert found["align/entropy"] == (3 + 3 + 4 + 5) / 4
  assert found["align/equal_groups"] == 1 / 2
  np.testing.assert_allclose(
    found["align/reward_spread"], np.std([1, 0, 2]) / 2, rtol=1e-6
  )
  np.testing.assert_allclose(
    found["align/log_ratio"], (1 + 0.5 + 1 + 1 + 1) / 5, rtol=1e-6
  )
