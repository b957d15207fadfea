import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gr_jax.rl.list_weights import preference_weights, rank_gaps
from gr_jax.rl.losses.listwise import member_losses, rspo_loss
from gr_jax.rl.losses.unified import unified_loss
from gr_jax.rl.scored_group import ScoredGroup

SIZE = 5


def a_list(seed=0, experts=2):
  rng = np.random.default_rng(seed)
  log_probs = jnp.asarray(-rng.exponential(size=(SIZE, 3)), jnp.float32)
  return ScoredGroup(
    log_probs=log_probs,
    old_log_probs=log_probs,
    rewards=jnp.asarray(rng.uniform(1, 9, SIZE), jnp.float32),
    where=jnp.ones((SIZE, 3), bool),
    sampled=jnp.arange(SIZE) >= experts,
    ref_log_probs=log_probs - 0.1,
  )


def test_it_is_the_sum_of_both_parts_with_their_weights():
  group = a_list()
  own = group.log_probs.sum(axis=-1)
  gaps = rank_gaps(own, group.rewards, group.present)
  losses, counted = member_losses(group, beta=0.1, gate=0.5)
  listed = (preference_weights(gaps) * losses)[counted].mean()
  relative = group.rewards / group.rewards.mean()
  taught = ((1 + relative) ** gaps * -own)[:2].mean()
  for weight in (0.01, 1.0):
    found = unified_loss(group, supervised=weight)
    np.testing.assert_allclose(found, listed + weight * taught, rtol=1e-5)


def test_without_experts_and_in_the_right_order_it_is_rspo():
  group = a_list(experts=0)
  by_policy = jnp.argsort(jnp.argsort(group.log_probs.sum(axis=-1)))
  group = dataclasses.replace(group, rewards=1.0 + by_policy)
  np.testing.assert_allclose(unified_loss(group), rspo_loss(group), rtol=1e-6)


def test_a_currency_changes_nothing():
  group = a_list()
  other = dataclasses.replace(group, rewards=100 * group.rewards)
  np.testing.assert_allclose(
    unified_loss(group, supervised=1.0),
    unified_loss(other, supervised=1.0),
    rtol=1e-5,
  )


@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_are_those_of_finite_differences(seed):
  group = a_list(seed)
  with jax.enable_x64(True):
    wide = jax.tree.map(
      lambda x: x.astype(jnp.float64) if x.dtype == jnp.float32 else x, group
    )

    def loss(log_probs):
      group = dataclasses.replace(wide, log_probs=log_probs)
      return unified_loss(group, supervised=1.0)

    check_grads(loss, (wide.log_probs,), order=1, modes=["rev"], rtol=1e-4)
