import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl import advantages

BOTH = [advantages.centered_advantages, advantages.normalized_advantages]
SEEDS = st.integers(0, 2**31 - 1)


@functools.cache
def jitted(function):
  return jax.jit(function)


def group(seed, size=8):
  """Rewards of a few values, some equal, and a mask with two places kept."""
  rng = np.random.default_rng(seed)
  rewards = rng.choice([0, 0.1, 0.5, 1.0], size).astype(np.float32)
  where = rng.random(size) < 0.7
  where[:2] = True
  return rewards, where


@pytest.mark.parametrize("function", BOTH)
@given(SEEDS)
def test_advantages_of_a_group_sum_to_zero(function, seed):
  rewards, where = group(seed)
  found = jitted(function)(rewards, where=where)
  np.testing.assert_allclose(found.sum(), 0, atol=1e-5)
  assert not np.asarray(found)[~where].any()


@pytest.mark.parametrize("function", BOTH)
@given(SEEDS, st.sampled_from([-3.0, 0.25, 7.0]))
def test_a_shift_of_all_rewards_changes_nothing(function, seed, shift):
  rewards, where = group(seed)
  moved = jitted(function)(rewards + np.float32(shift), where=where)
  expected = jitted(function)(rewards, where=where)
  np.testing.assert_allclose(moved, expected, atol=2e-5)


@given(SEEDS, st.sampled_from([0.1, 3.0, 100.0]))
def test_a_scale_cancels_in_normalized_and_stays_in_centered(seed, scale):
  rewards, where = group(seed)
  scaled = rewards * np.float32(scale)
  for function, factor in zip(BOTH, (scale, 1)):
    np.testing.assert_allclose(
      jitted(function)(scaled, where=where),
      jitted(function)(rewards, where=where) * factor,
      rtol=1e-3,
      atol=1e-5,
    )


@pytest.mark.parametrize("function", BOTH)
@given(SEEDS)
def test_masked_places_equal_places_that_are_not_there(function, seed):
  rewards, where = group(seed)
  noise = np.where(where, rewards, np.float32(1e9))
  whole = np.asarray(jitted(function)(noise, where=where))
  few = rewards[where]
  # One shape for all: what is missing is a masked place of its own value.
  alone = np.zeros(len(rewards), np.float32)
  alone[: len(few)] = few
  here = np.arange(len(rewards)) < len(few)
  alone = np.asarray(jitted(function)(alone, where=here))[: len(few)]
  np.testing.assert_allclose(whole[where], alone, atol=1e-5)


@pytest.mark.parametrize("function", BOTH)
@pytest.mark.parametrize("reward", [0.0, 0.1, 0.3, 1e6])
@pytest.mark.parametrize("size", [1, 7])
def test_equal_rewards_give_exactly_zero(function, reward, size):
  """0.1 seven times has a mean that is not 0.1 in float32."""
  rewards = jnp.full(size, reward, jnp.float32)
  assert not np.asarray(jitted(function)(rewards)).any()
  assert not jitted(advantages.informative_groups)(rewards)


def test_an_all_invalid_group_with_two_experts_prefers_them():
  found = advantages.normalized_advantages(jnp.array([0.0] * 6 + [1.0] * 2))
  expected = [-(3**-0.5)] * 6 + [3**0.5] * 2
  np.testing.assert_allclose(found, expected, atol=1e-4)


def test_groups_do_not_read_each_other():
  rewards = np.stack([group(seed)[0] for seed in range(4)])
  where = np.stack([group(seed)[1] for seed in range(4)])
  for function in BOTH:
    together = jitted(function)(rewards, where=where)
    each = [jitted(function)(r, where=w) for r, w in zip(rewards, where)]
    np.testing.assert_allclose(together, np.stack(each), atol=1e-6)


def test_an_empty_group_is_finite_and_not_informative():
  rewards, where = jnp.ones(4), jnp.zeros(4, bool)
  for function in BOTH:
    assert not np.asarray(jitted(function)(rewards, where=where)).any()
  assert not jitted(advantages.informative_groups)(rewards, where=where)


@given(SEEDS)
def test_positives_are_worth_the_best_of_their_group(seed):
  """Even one whose own gate is closed."""
  rewards, where = group(seed)
  positives = np.random.default_rng(seed + 1).random(len(rewards)) < 0.4
  found = np.asarray(advantages.lift_positives(rewards, positives, where=where))
  assert (found[where & positives] == rewards[where].max()).all()
  kept = where & ~positives
  np.testing.assert_array_equal(found[kept], rewards[kept])
  assert found.min() >= 0
  assert found.max() <= 1
  assert not found[~where].any()


def test_an_absent_member_makes_no_group_informative():
  """Its reward is neither the highest nor the lowest."""
  where = jnp.array([True, True, False])
  informative = jitted(advantages.informative_groups)
  for absent in (-9.0, 9.0):
    equal = jnp.array([0.5, 0.5, absent])
    assert not informative(equal, where=where)
    assert informative(equal.at[0].set(0.4), where=where)


def test_positives_of_a_batch_are_lifted_in_their_own_group():
  rewards = jnp.array([[0.2, 0.1], [0.3, 0.7]])
  positives = jnp.array([[False, True], [True, False]])
  found = advantages.lift_positives(rewards, positives)
  np.testing.assert_allclose(found, [[0.2, 0.2], [0.7, 0.7]], rtol=1e-6)
