"""A history is a sum of its events, and its readers see no other history."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.nn.quasi_linear_attention import (
  read_as_targets,
  read_blocks,
  read_state,
  sum_blocks,
  sum_events,
)

H, h = 2, 4
SEEDS = st.integers(0, 2**32 - 1)


def silu(x):
  return x / (1 + np.exp(-x))


def normal(seed, *shape):
  return np.random.default_rng(seed).normal(size=shape)


def events(seed, length):
  return normal(seed, 3, length, H, h)


def double(function):
  """Runs it in float64."""

  @functools.wraps(function)
  def run(*args, **kwargs):
    with jax.enable_x64(True):
      return function(*args, **kwargs)

  return run


@given(SEEDS, st.integers(1, 40), st.floats(1, 100))
@settings(max_examples=20)
@double
def test_it_is_the_equation(seed, length, divisor):
  q, k, v = events(seed, length)
  A = np.einsum("thk,thv->hkv", silu(k), v)
  expected = np.einsum("thk,hkv->thv", silu(q), silu(A / divisor))
  found = read_state(q, sum_events(k, v), divisor=divisor)
  np.testing.assert_allclose(found, expected, atol=1e-9)


@given(SEEDS, st.integers(1, 40))
@settings(max_examples=20)
@double
def test_with_a_linear_inner_function_the_order_of_products_is_free(
  seed, length
):
  q, k, v = events(seed, length)
  scores = np.einsum("qhc,shc->hqs", silu(q), silu(k))
  expected = np.einsum("hqs,shv->qhv", scores, v)
  found = read_state(q, sum_events(k, v), inner=lambda x: x)
  np.testing.assert_allclose(found, expected, atol=1e-9)


@given(SEEDS, st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=20)
@double
def test_appended_events_are_added(seed, before, after):
  _, k, v = events(seed, before + after)
  added = sum_events(k[:before], v[:before]) + sum_events(
    k[before:], v[before:]
  )
  np.testing.assert_allclose(added, sum_events(k, v), atol=1e-9)


@double
def test_what_is_masked_is_not_there_and_order_does_not_matter():
  _, k, v = events(0, 9)
  mask = np.arange(9) < 6
  k[6:], v[6:] = 1e30, 1e30
  found = sum_events(k, v, mask)
  turned = np.random.default_rng(0).permutation(6)
  np.testing.assert_allclose(found, sum_events(k[:6], v[:6]), atol=1e-12)
  np.testing.assert_allclose(found, sum_events(k[turned], v[turned]))
  gradient = jax.grad(lambda k: sum_events(k, v, mask).sum())(k)
  assert not np.any(gradient[6:])


@given(SEEDS, st.integers(1, 6))
@settings(max_examples=20)
@double
def test_targets_read_the_history_and_themselves_alone(seed, targets):
  q, k, v = events(seed, targets)
  state = normal(seed + 1, H, h, h)
  found = read_as_targets(q, k, v, state, divisor=3.0)
  own = np.sum(silu(q) * silu(k), axis=-1, keepdims=True) * v
  expected = np.einsum("thk,hkv->thv", silu(q), silu(state / 3)) + own
  np.testing.assert_allclose(found, expected, atol=1e-9)
  first = read_as_targets(q[:1], k[:1], v[:1], state, divisor=3.0)
  np.testing.assert_allclose(first, found[:1], atol=1e-12)


@given(SEEDS, st.lists(st.integers(1, 9), min_size=1, max_size=3))
@settings(max_examples=20)
@double
def test_users_of_a_packed_row_are_as_if_alone(seed, lengths):
  block, blocks, users = 4, 10, 3
  q, k, v = events(seed, block * blocks)
  owners = np.full(block * blocks, -1)
  start, alone = 0, []
  for user, length in enumerate(lengths):
    places = slice(start, start + length)
    owners[places] = user
    alone.append((places, sum_events(k[places], v[places])))
    start += -(-length // block) * block
  k[owners < 0] = v[owners < 0] = 1e30
  packed = [x.reshape(1, blocks, block, *x.shape[1:]) for x in (q, k, v)]
  owners = owners.reshape(1, blocks, block)
  states = sum_blocks(packed[1], packed[2], jnp.asarray(owners), users=users)
  read = read_blocks(packed[0], states, owners, divisor=5.0)
  read = read.reshape(q.shape)
  for user, (places, state) in enumerate(alone):
    np.testing.assert_allclose(states[0, user], state, atol=1e-9)
    expected = read_state(q[places], state, divisor=5.0)
    np.testing.assert_allclose(read[places], expected, atol=1e-9)
  assert not np.any(read[owners.reshape(-1) < 0])
  assert not np.any(states[0, len(lengths) :])


def test_costs_grow_with_the_length_and_no_faster():
  def costs(length):
    shapes = [jax.ShapeDtypeStruct((1, length, H, h), "float32")] * 3
    run = jax.jit(lambda q, k, v: read_state(q, sum_events(k, v)))
    compiled = run.lower(*shapes).compile()
    memory = compiled.memory_analysis().temp_size_in_bytes
    return compiled.cost_analysis()["flops"], memory

  (few, small), (many, large) = costs(512), costs(8192)
  assert many <= 16.1 * few
  assert large <= 16.1 * max(small, 1)
