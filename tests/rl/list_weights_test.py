"""Weights of values and of preferences."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl.list_weights import (
  preference_weights,
  rank_gaps,
  value_weights,
)

SEEDS = st.integers(0, 2**31 - 1)
THERE = jnp.ones((2, 6), bool)


def drawn(seed):
  rng = np.random.default_rng(seed)
  return (
    jnp.asarray(rng.normal(size=(2, 6))),
    jnp.asarray(rng.integers(0, 4, (2, 6)), jnp.float32),
  )


@given(SEEDS)
def test_gaps_are_shares(seed):
  gaps = rank_gaps(*drawn(seed), THERE)
  assert (gaps >= 0).all()
  assert (gaps <= 1).all()


@given(SEEDS)
def test_rankings_that_agree_have_no_gap(seed):
  scores, values = drawn(seed)
  assert not rank_gaps(10 * values + scores, values, THERE).any()
  # Ties of value are no disagreement.
  assert not rank_gaps(scores, jnp.zeros_like(values), THERE).any()


def test_the_opposite_order_has_the_largest_gap_at_its_ends():
  values = jnp.arange(5.0)[None]
  gaps = rank_gaps(-values, values, jnp.ones((1, 5), bool))
  np.testing.assert_allclose(gaps, [[1, 0.5, 0, 0.5, 1]])


def test_absent_members_move_no_rank():
  scores, values = drawn(0)
  there = THERE.at[:, 4:].set(False)
  found = rank_gaps(scores, values.at[:, 4:].set(99.0), there)
  np.testing.assert_allclose(
    found[:, :4], rank_gaps(scores[:, :4], values[:, :4], THERE[:, :4])
  )
  assert not found[:, 4:].any()


@given(SEEDS)
def test_supervision_rises_with_gap_and_value_and_preferences_fall(seed):
  gaps = jnp.linspace(0, 1, 6)
  values = jnp.sort(drawn(seed)[1][0]) + 0.5
  assert (jnp.diff(value_weights(gaps, values[3])) > 0).all()
  assert (jnp.diff(value_weights(gaps[3], values)) >= 0).all()
  assert (jnp.diff(preference_weights(gaps)) < 0).all()
  np.testing.assert_allclose(value_weights(gaps[:1], values[:1], base=2.0), 2)
