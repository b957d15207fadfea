import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.requests import CLICKED, EXPOSED
from gr_jax.decoding.sampling import Rollouts
from gr_jax.decoding.scoring import token_mask
from gr_jax.rl.experts import (
  append_experts,
  make_group,
  page_experts,
  replace_with_experts,
)
from tests.reference.small_world import semantic_ids, shop

TABLE = jnp.array([[0, -1], [0, 0], [0, 1], [1, 0], [2, 1]])
B, G = 4, 5
INJECTIONS = [replace_with_experts, append_experts]


@functools.cache
def jitted(function):
  return jax.jit(function)


def group(seed=0):
  rng = np.random.default_rng(seed)
  ids = jnp.asarray(rng.integers(0, 5, (B, G)), jnp.int32)
  codes = TABLE[ids]
  nothing = jnp.zeros((B, G, 2))
  rollouts = Rollouts(ids, codes, token_mask(codes), nothing, nothing)
  return jitted(make_group)(rollouts)


def ids_of(request, lowest):
  """The slow way: sort the page, look up IDs, drop repeats."""
  log = shop().requests
  page = range(log.page_offsets[request], log.page_offsets[request + 1])
  rows = [
    (-int(log.page_kind[p]), p) for p in page if log.page_kind[p] >= lowest
  ]
  out = []
  for _, p in sorted(rows):
    row = int(semantic_ids().id_of_item[log.page_item[p]])
    if row not in out:
      out.append(row)
  return out


@pytest.mark.parametrize("lowest", [EXPOSED, CLICKED])
@pytest.mark.parametrize("count", [1, 4])
def test_experts_are_the_best_of_the_page(lowest, count):
  found = page_experts(
    shop().requests, semantic_ids(), count=count, lowest=lowest
  )
  for request in range(len(found)):
    expected = ids_of(request, lowest)[:count]
    expected += [-1] * (count - len(expected))
    assert found[request].tolist() == expected
  assert (found < 0).any() or (lowest, count) != (CLICKED, 4)


@pytest.mark.parametrize("inject", INJECTIONS)
def test_without_experts_the_group_is_that_of_grpo_bit_for_bit(inject):
  """K = 0, and K places that nobody fills."""
  none = jnp.zeros((B, 0), jnp.int32)
  chex.assert_trees_all_equal(inject(group(), none, TABLE), group())
  if inject is replace_with_experts:
    empty = jnp.full((B, 2), -1)
    chex.assert_trees_all_equal(inject(group(), empty, TABLE), group())


@given(st.integers(0, 2**31 - 1), st.sampled_from([1, G]))
def test_each_expert_takes_one_place_at_the_end(seed, count):
  rng = np.random.default_rng(seed)
  experts = rng.integers(-1, 5, (B, count)).astype(np.int32)
  old = group(seed)
  replaced = jitted(replace_with_experts)(old, experts, TABLE)
  appended = jitted(append_experts)(old, experts, TABLE)
  there = experts >= 0
  np.testing.assert_array_equal(replaced.ids[:, : G - count],
                                old.ids[:, : G - count])  # fmt: skip
  last = np.where(there, experts, old.ids[:, G - count :])
  np.testing.assert_array_equal(replaced.ids[:, G - count :], last)
  np.testing.assert_array_equal(replaced.sampled[:, G - count :], ~there)
  assert replaced.present.all()
  np.testing.assert_array_equal(appended.ids[:, :G], old.ids)
  np.testing.assert_array_equal(appended.present[:, G:], there)
  assert not appended.sampled[:, G:].any()
  for new in (replaced, appended):
    codes, where = np.asarray(new.codes), np.asarray(new.where)
    known = np.asarray(new.present)
    expected = np.asarray(TABLE)[np.asarray(new.ids)[known]]
    np.testing.assert_array_equal(codes[known], expected)
    np.testing.assert_array_equal(
      where[known], np.asarray(token_mask(jnp.asarray(expected)))
    )


def test_more_experts_than_places_are_refused():
  with pytest.raises(ValueError, match="6 experts do not fit a group of 5"):
    replace_with_experts(group(), jnp.zeros((B, 6), jnp.int32), TABLE)
