import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.rl.group_metrics import group_metrics
from gr_jax.rl.scored_group import ScoredGroup


def figures():
  """Two groups of three; the second is two samples with equal rewards, the
  first ends in an expert."""
  where = jnp.array([[[1, 1], [1, 0], [1, 1]], [[1, 1], [1, 1], [0, 0]]], bool)
  ids = jnp.array([[0, -1, 2], [0, 5, -1]])  # Row 0 is an ID like others.
  sampled = jnp.array([[1, 1, 0], [1, 1, 0]], bool)
  log_probs = -jnp.array([[[1.0, 2], [3, 9], [1, 1]], [[2, 2], [1, 4], [9, 9]]])
  rewards = jnp.array([[1.0, 0, 2], [0.5, 0.5, 9]])
  group = ScoredGroup(
    log_probs, log_probs - 0.5 * where, rewards, where, sampled
  )
  return jax.jit(group_metrics)(group, ids)


def test_figures_are_those_of_samples():
  found = {name: float(value) for name, value in figures().items()}
  assert found["align/reward"] == (1 + 0 + 0.5 + 0.5) / 4
  assert found["align/valid"] == 3 / 4
  assert found["align/unique_ids"] == 3 / 4  # 0, 5 and "nothing".
  assert found["align/entropy"] == (3 + 3 + 4 + 5) / 4
  assert found["align/equal_groups"] == 1 / 2
  np.testing.assert_allclose(
    found["align/reward_spread"], np.std([1, 0, 2]) / 2, rtol=1e-6
  )
  np.testing.assert_allclose(
    found["align/log_ratio"], (1 + 0.5 + 1 + 1 + 1) / 5, rtol=1e-6
  )


def test_of_a_single_sample_the_figures_are_its_own():
  where = jnp.array([[[True, True], [False, False]]])
  log_probs = -jnp.array([[[1.0, 2.0], [9.0, 9.0]]])
  group = ScoredGroup(
    log_probs, log_probs, jnp.array([[0.6, 9.0]]), where, where[..., 0]
  )
  found = jax.jit(group_metrics)(group, jnp.array([[3, -1]]))
  assert float(found["align/reward"]) == pytest.approx(0.6)
  assert float(found["align/entropy"]) == pytest.approx(3)
  assert float(found["align/valid"]) == float(found["align/unique_ids"]) == 1
  assert float(found["align/equal_groups"]) == 1
