"""Groups whose members rose by given amounts, as preferences see them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl.losses.preference import (
  best_worst_dpo_loss,
  dpo_loss,
  s_dpo_loss,
)
from gr_jax.rl.scored_group import ScoredGroup

SEEDS = st.integers(0, 2**31 - 1)
LOSSES = (dpo_loss, s_dpo_loss, best_worst_dpo_loss)


def group(rises, rewards, where=None, length=2):
  """Members of `length` tokens whose sums rose by `rises` `[..., G]`."""
  rises = jnp.asarray(rises)
  shape = (*rises.shape, length)
  ref = jnp.asarray(np.random.default_rng(0).normal(size=shape), rises.dtype)
  tokens = jnp.broadcast_to(
    jnp.ones(shape, bool) if where is None else jnp.asarray(where)[..., None],
    shape,
  )
  return ScoredGroup(
    log_probs=ref + rises[..., None] / length,
    old_log_probs=ref,
    rewards=jnp.asarray(rewards, jnp.float32),
    where=tokens,
    sampled=tokens[..., 0],
    ref_log_probs=ref,
  )


def preferred(chosen, rejected, where=None):
  """A group of one preferred member, in the second place, and others."""
  rises = np.insert(np.asarray(rejected), 1, chosen, axis=-1)
  rewards = np.zeros(rises.shape)
  rewards[..., 1] = 1
  if where is not None:
    where = np.insert(np.asarray(where), 1, True, axis=-1)
  return group(rises, rewards, where)


def rises(seed, negatives=4):
  rng = np.random.default_rng(seed)
  return rng.normal(size=3) * 5, rng.normal(size=(3, negatives)) * 5


def test_without_a_preference_yet_dpo_is_log_two():
  found = dpo_loss(preferred(jnp.ones(2), jnp.ones((2, 1))))
  np.testing.assert_allclose(found, np.log(2), rtol=1e-6)


@given(SEEDS)
def test_one_negative_makes_s_dpo_dpo(seed):
  scored = preferred(*rises(seed, 1))
  np.testing.assert_allclose(
    s_dpo_loss(scored, beta=0.3), dpo_loss(scored, beta=0.3), rtol=1e-5
  )


@given(SEEDS)
def test_s_dpo_is_its_equation(seed):
  chosen, rejected = rises(seed)
  total = np.exp(0.1 * (rejected - chosen[:, None])).sum(axis=1)
  expected = -np.log(1 / (1 + np.exp(np.log(total))))
  found = s_dpo_loss(preferred(chosen, rejected))
  np.testing.assert_allclose(found, expected, rtol=1e-5)


@given(SEEDS)
def test_dpo_is_its_equation_for_every_pair(seed):
  chosen, rejected = rises(seed)
  gap = 0.1 * (chosen[:, None] - rejected)
  expected = -np.log(1 / (1 + np.exp(-gap))).mean(axis=1)
  found = dpo_loss(preferred(chosen, rejected))
  np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
@given(SEEDS)
def test_absent_members_equal_members_that_are_not_in_the_group(loss, seed):
  chosen, rejected = rises(seed)
  where = np.array([True, False, True, False])
  noise = np.where(where, rejected, np.inf)
  mask = np.broadcast_to(where, rejected.shape)
  found = loss(preferred(chosen, noise, mask))
  alone = loss(preferred(chosen, rejected[:, where]))
  np.testing.assert_allclose(found, alone, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_equal_rewards_have_no_loss_and_no_gradient(loss):
  """And so has a group of absent members, whatever stands there."""
  scored = group(np.arange(6.0).reshape(2, 3), np.ones((2, 3)))

  def total(log_probs, where):
    changed = scored.replace(log_probs=log_probs, where=where)
    return loss(changed).sum()

  nothing = jnp.zeros(scored.where.shape, bool)
  for log_probs, where in (
    (scored.log_probs, scored.where),
    (jnp.full_like(scored.log_probs, jnp.nan), nothing),
  ):
    value, grad = jax.value_and_grad(total)(log_probs, where)
    assert value == 0
    assert not np.asarray(grad).any()


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_fall_as_the_best_rise_and_rise_with_any_other(loss):
  """Two of the best reward, which have nothing against each other."""
  rewards = np.array([0.1, 1.0, 0.5, 1.0])
  scored = group(np.random.default_rng(1).normal(size=4), rewards)
  grad = jax.grad(lambda x: loss(scored.replace(log_probs=x)))(scored.log_probs)
  assert (np.asarray(grad)[[1, 3]] < 0).all()
  assert (np.asarray(grad)[0] > 0).all()
  # Between the best and the worst.
  counts = loss is not best_worst_dpo_loss
  assert (np.asarray(grad)[2] > 0).all() == counts


@pytest.mark.parametrize("loss", LOSSES)
def test_the_order_of_a_group_does_not_matter(loss):
  rises, rewards = np.random.default_rng(2).normal(size=(2, 6))
  rewards[[1, 4]] = rewards.max()
  order = np.array([4, 2, 5, 0, 1, 3])
  np.testing.assert_allclose(
    loss(group(rises[order], rewards[order])),
    loss(group(rises, rewards)),
    rtol=1e-5,
  )


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_agree_with_finite_differences(loss):
  chosen, rejected = rises(2)
  with jax.enable_x64(True):
    scored = preferred(chosen, rejected)
    total = jax.jit(lambda x: loss(scored.replace(log_probs=x)).sum())
    grad = jax.grad(total)(scored.log_probs)
    assert grad.dtype == jnp.float64
    step = 1e-6
    for index in np.ndindex(grad.shape):
      move = np.zeros(grad.shape)
      move[index] = step
      above, below = (total(scored.log_probs + s * move) for s in (1, -1))
      expected = (above - below) / (2 * step)
      np.testing.assert_allclose(grad[index], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_missing_reference_is_named(loss):
  scored = group(np.zeros(2), np.arange(2)).replace(ref_log_probs=None)
  with pytest.raises(ValueError, match="compares with a reference"):
    loss(scored)


def test_best_against_worst_leaves_out_what_is_between():
  rises = jnp.array([[1.0, 5.0, 0.5, -2.0]])
  scored = group(rises, [[2.0, 1.0, 0.0, 0.0]])
  found = best_worst_dpo_loss(scored, beta=1.0)
  expected = np.mean([np.log1p(np.exp(x - 1.0)) for x in (0.5, -2.0)])
  np.testing.assert_allclose(found, [expected], rtol=1e-5)


def test_with_one_worse_member_best_against_worst_is_dpo():
  scored = preferred(*rises(0, 1))
  np.testing.assert_allclose(
    best_worst_dpo_loss(scored), dpo_loss(scored), rtol=1e-6
  )
