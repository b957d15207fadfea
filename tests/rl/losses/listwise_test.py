"""Lists whose members are worth given values."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.test_util import check_grads

from gr_jax.rl.losses.listwise import (
  exchange_weights,
  gains,
  lambda_loss,
  pair_losses,
  policy_ranks,
  rspo_loss,
  softmax_losses,
)
from gr_jax.rl.losses.preference import dpo_loss, s_dpo_loss
from gr_jax.rl.scored_group import ScoredGroup

SEEDS = st.integers(0, 2**31 - 1)
LOSSES = (rspo_loss, lambda_loss)
SIZE, LENGTH = 6, 3


def a_list(seed, *, shift=0.0, reference=True):
  """Two lists; the policy has risen by about `shift` over the reference."""
  rng = np.random.default_rng(seed)
  ref = -rng.exponential(size=(2, SIZE, LENGTH))
  own = ref + 0.3 * rng.normal(size=ref.shape) + shift / LENGTH
  tokens = jnp.ones(ref.shape, bool)
  return ScoredGroup(
    log_probs=jnp.asarray(own, jnp.float32),
    old_log_probs=jnp.asarray(ref, jnp.float32),
    rewards=jnp.asarray(rng.integers(0, 5, ref.shape[:2]), jnp.float32),
    where=tokens,
    sampled=tokens[..., 0],
    ref_log_probs=jnp.asarray(ref, jnp.float32) if reference else None,
  )


def by_hand(values, own, ref, *, beta, gate):
  """RSPO of one list, as section 7 of the paper has it."""
  n = len(values)
  order = sorted(range(n), key=lambda i: -own[i])
  rank = {i: k + 1 for k, i in enumerate(order)}
  most = sum(
    v / np.log2(k + 2) for k, v in enumerate(sorted(values, reverse=True))
  )
  losses = []
  for i in range(n):
    worse = [j for j in range(n) if values[j] < values[i]]
    if not worse:
      continue
    left = np.mean([own[t] - ref[t] for t in (*worse, i)])
    c = 1.0 if left < gate else 0.0
    total = 0.0
    for j in worse:
      k = abs(rank[i] - rank[j])
      m = 1 / np.log2(1 + k) - 1 / np.log2(2 + k)
      m *= abs(values[i] - values[j]) / most
      d = {t: beta * (own[t] - c * ref[t]) for t in (i, j)}
      total += m * np.exp(d[j] - d[i])
    losses.append(np.log2(1 + total))
  return np.mean(losses) if losses else 0.0


@given(SEEDS, st.sampled_from([-1.0, 0.4, 2.0]))
def test_rspo_is_its_equation(seed, shift):
  group = a_list(seed, shift=shift)
  found = rspo_loss(group, beta=0.7)
  for k in range(2):
    own, ref = (
      np.asarray(x[k], np.float64).sum(-1)
      for x in (group.log_probs, group.ref_log_probs)
    )
    expected = by_hand(
      np.asarray(group.rewards[k]), own, ref, beta=0.7, gate=0.5
    )
    np.testing.assert_allclose(found[k], expected, rtol=2e-5, atol=1e-7)


@given(SEEDS)
def test_with_weights_of_one_a_list_is_s_dpo_in_bits(seed):
  group = a_list(seed, shift=-1.0)
  one = dataclasses.replace(
    group, rewards=jnp.zeros((2, SIZE)).at[:, 2].set(1.0)
  )
  rise = jnp.sum(group.log_probs - group.ref_log_probs, axis=-1)
  gaps = 0.1 * (rise[:, None, :] - rise[:, :, None])
  weights = jnp.zeros((2, SIZE, SIZE)).at[:, 2].set(1.0).at[:, 2, 2].set(0.0)
  found = softmax_losses(gaps, weights)[:, 2] * np.log(2)
  np.testing.assert_allclose(found, s_dpo_loss(one), rtol=1e-5)


@given(SEEDS)
def test_one_worse_member_of_weight_one_is_dpo_in_bits(seed):
  group = jax.tree.map(lambda x: x[:, :2], a_list(seed, shift=-1.0))
  group = dataclasses.replace(group, rewards=jnp.array([[1.0, 0.0]] * 2))
  rise = jnp.sum(group.log_probs - group.ref_log_probs, axis=-1)
  gaps = 0.1 * (rise[:, None, :] - rise[:, :, None])
  weights = jnp.zeros((2, 2, 2)).at[:, 0, 1].set(1.0)
  for losses in (softmax_losses, pair_losses):
    found = losses(gaps, weights)[:, 0] * np.log(2)
    np.testing.assert_allclose(found, dpo_loss(group), rtol=1e-5)


@given(SEEDS)
def test_it_falls_with_a_member_and_rises_with_each_worse_one(seed):
  rng = np.random.default_rng(seed)
  scores = jnp.asarray(rng.normal(size=SIZE))
  weights = jnp.asarray(rng.uniform(0.1, 1, SIZE)).at[0].set(0.0)
  for losses in (softmax_losses, pair_losses):
    slope = jax.grad(lambda x, losses=losses: losses(x - x[0], weights))(scores)
    assert slope[0] < 0
    assert (slope[1:] > 0).all()


@given(SEEDS)
def test_jensen_bounds_the_pairs(seed):
  group = a_list(seed)
  scores = jnp.sum(group.log_probs, axis=-1)
  weights = exchange_weights(group.rewards, scores, group.present)
  gaps = scores[:, None, :] - scores[:, :, None]
  pairs, whole = pair_losses(gaps, weights), softmax_losses(gaps, weights)
  bounded = weights.sum(-1) <= 1
  assert (jnp.where(bounded, whole - pairs, 0) >= -1e-6).all()
  assert (whole >= 0).all()


@given(SEEDS)
def test_losses_bound_what_is_lost_of_ndcg(seed):
  group = a_list(seed)
  scores = jnp.sum(group.log_probs, axis=-1)
  present = group.present
  ndcg = jnp.sum(
    gains(group.rewards, present)
    / jnp.log2(1.0 + policy_ranks(scores, present)), axis=-1,
  )  # fmt: skip
  weights = exchange_weights(group.rewards, scores, present)
  gaps = scores[:, None, :] - scores[:, :, None]
  total = softmax_losses(gaps, weights).sum(axis=-1)
  some = group.rewards.max(axis=-1) > group.rewards.min(axis=-1)
  assert (jnp.where(some, 1 - ndcg, 0) <= total + 1e-5).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_policy_that_left_the_reference_is_not_held_by_it(loss):
  """The reference counts below the gate, and above it is as if absent."""
  near, far = a_list(0, shift=-1.0), a_list(0, shift=3.0)
  for group, counts in ((near, True), (far, False)):
    other = dataclasses.replace(
      group, ref_log_probs=group.ref_log_probs.at[:, 0].add(-0.5)
    )
    alone = dataclasses.replace(group, ref_log_probs=None)
    changed = not np.allclose(loss(other), loss(group), atol=1e-6)
    assert changed == counts
    assert np.allclose(loss(alone), loss(group)) != counts


@pytest.mark.parametrize("loss", LOSSES)
def test_equal_values_have_no_loss_and_no_gradient(loss):
  group = dataclasses.replace(a_list(0), rewards=jnp.ones((2, SIZE)))
  value, slope = jax.value_and_grad(
    lambda x: loss(dataclasses.replace(group, log_probs=x)).sum()
  )(group.log_probs)
  assert value == 0
  chex.assert_trees_all_equal(slope, jnp.zeros_like(slope))


@pytest.mark.parametrize("loss", LOSSES)
def test_absent_members_count_nothing(loss):
  group = a_list(1)
  last = jnp.arange(SIZE) == SIZE - 1
  less = dataclasses.replace(
    group,
    where=group.where & ~last[:, None],
    log_probs=jnp.where(last[:, None], jnp.nan, group.log_probs),
    rewards=jnp.where(last, 9.0, group.rewards),
  )
  short = jax.tree.map(lambda x: x[:, : SIZE - 1], group)
  np.testing.assert_allclose(loss(less), loss(short), rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(loss):
  group = a_list(3, shift=-1.0)

  def total(log_probs):
    return loss(dataclasses.replace(group, log_probs=log_probs)).sum()

  check_grads(total, (group.log_probs,), order=1, modes=["rev"], eps=1e-2,
              rtol=2e-2)  # fmt: skip


def test_exchanges_near_the_top_are_worth_more():
  scores = -jnp.arange(4.0)[None]
  values = jnp.array([[1.0, 0.0, 0.0, 0.0]])
  weights = exchange_weights(values, scores, jnp.ones((1, 4), bool))[0, 0]
  assert weights[0] == 0
  assert weights[1] > weights[2] > weights[3] > 0
