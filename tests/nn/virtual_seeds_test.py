"""Seeds read sums; sums of parts of a history are added."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import NamedSharding, PartitionSpec

from gr_jax.nn.virtual_seeds import EventSums, SeedConfig, VirtualSeeds
from gr_jax.parallel.mesh import SEQUENCE, MeshConfig, make_mesh
from tests.reference.noisy import noisy

CONFIG = SeedConfig(seeds=3, width=8, heads=2, head_size=4, feed_forward=16)
B, T = 2, 12


@functools.cache
def networks():
  """Functions from events to sums, and from sums to seeds."""
  sums, seeds = EventSums(CONFIG), VirtualSeeds(CONFIG)
  keys = jax.random.split(jax.random.key(0))
  states = jnp.zeros((B, *CONFIG.state_shape))
  of_sums = noisy(nn.unbox(sums.init(keys[0], jnp.zeros((B, T, 8)))))
  of_seeds = noisy(nn.unbox(seeds.init(keys[1], states)))
  return (
    jax.jit(functools.partial(sums.apply, of_sums)),
    jax.jit(functools.partial(seeds.apply, of_seeds)),
  )


def events(seed=0):
  return np.random.default_rng(seed).normal(size=(B, T, 8)).astype("float32")


@given(st.integers(0, T), st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_the_sums_of_two_parts_are_those_of_the_history(cut, seed):
  sums, _ = networks()
  places, x = np.arange(T), events(seed)
  first = np.broadcast_to(places < cut, (B, T))
  np.testing.assert_allclose(
    sums(x, first) + sums(x, ~first), sums(x, first | ~first), atol=1e-4
  )


def test_seeds_tell_histories_apart_and_each_row_reads_its_own():
  sums, seeds = networks()
  states = sums(events(), np.ones((B, T), bool))
  read = seeds(states)
  assert read.shape == (B, CONFIG.seeds, CONFIG.width)
  assert np.abs(read[0] - read[1]).max() > 1e-2
  # Every layer is read.
  for layer in range(CONFIG.layers):
    other = seeds(states.at[1, layer].add(1.0))
    np.testing.assert_array_equal(other[0], read[0])
    assert np.abs(other[1] - read[1]).max() > 1e-3


def test_no_history_is_read_as_nothing():
  _, seeds = networks()
  read = seeds(jnp.zeros((B, *CONFIG.state_shape)))
  assert np.all(np.isfinite(read))
  gradient = jax.grad(lambda x: seeds(x).sum())(
    jnp.zeros((B, *CONFIG.state_shape))
  )
  assert np.all(np.isfinite(gradient))


def test_sizes_below_one_are_named():
  with pytest.raises(ValueError, match=r"head_size of seeds \(0\)"):
    SeedConfig(head_size=0)


def test_positions_over_devices_move_sums_and_no_events():
  length = 64
  x = np.random.default_rng(1).normal(size=(B, length, 8)).astype("float32")
  mask = np.arange(length) < np.array([[64], [40]])
  mesh = make_mesh(MeshConfig(data=1, sequence=8))
  split = NamedSharding(mesh, PartitionSpec(None, SEQUENCE))
  model = EventSums(CONFIG)
  params = noisy(nn.unbox(model.init(jax.random.key(0), x, mask)))

  def total(params, x, mask):
    sums = model.apply(params, x, mask)
    return (sums**2).sum(), sums

  run = jax.value_and_grad(total, argnums=(0, 1), has_aux=True)
  alone = jax.jit(run)(params, x, mask)
  with jax.set_mesh(mesh):
    placed = jax.device_put((x, mask), split)
    compiled = jax.jit(run).lower(params, *placed).compile()
    found = compiled(params, *placed)
  chex.assert_trees_all_close(found, alone, rtol=1e-4, atol=1e-3)
  assert found[1][1].sharding.spec == split.spec
  text = compiled.as_text()
  assert "all-reduce" in text
  assert not any(name in text for name in ("all-gather", "all-to-all"))
