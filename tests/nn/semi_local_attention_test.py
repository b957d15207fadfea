"""Blocks compute what a dense mask says, in values and gradients."""

import functools
import math
import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import NamedSharding, PartitionSpec

from gr_jax.nn.semi_local_attention import (
  SemiLocal,
  masked_attention,
  semi_local_attention,
  semi_local_mask,
  target_attention,
)
from gr_jax.parallel.mesh import SEQUENCE, MeshConfig, make_mesh
from tests.reference.packed_rows import packed_rows

PLACES, HEADS, SIZE = 48, 2, 4


def arrays(count, *shape, seed=0):
  rng = np.random.default_rng(seed)
  return [
    jnp.asarray(0.3 * rng.normal(size=shape), jnp.float32) for _ in range(count)
  ]


@functools.lru_cache
def both(sizes):
  """Values and gradients of both forms, compiled once for some sizes."""

  def outputs(attend, q, k, v, w, owners, places):
    def loss(q, k, v):
      out = attend(q, k, v, owners, places)
      return jnp.sum(w * out), out

    return jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(q, k, v)

  def dense(q, k, v, owners, places):
    mask = semi_local_mask(owners, places, sizes=sizes)
    return masked_attention(q, k, v, mask)

  sparse = functools.partial(semi_local_attention, sizes=sizes)
  return tuple(
    jax.jit(functools.partial(outputs, form)) for form in (sparse, dense)
  )


@settings(max_examples=25, deadline=None)
@given(
  sizes=st.sampled_from(
    [(5, 3, 4), (1, 0, 4), (4, 4, 4), (7, 9, 4), (48, 1, 8), (2, 48, 16)]
  ),
  users=st.lists(st.integers(1, 12), min_size=1, max_size=3),
  context=st.integers(0, 2),
  seed=st.integers(0, 99),
)
def test_blocks_equal_the_dense_mask(sizes, users, context, seed):
  sizes = SemiLocal(*sizes)
  batch = packed_rows(
    users, block=sizes.block, places=PLACES, context=context, seed=seed
  )
  history = batch.history
  given_ = (
    *arrays(4, 1, PLACES, HEADS, SIZE, seed=seed),
    *(jnp.asarray(x) for x in (history.owners, history.places)),
  )
  sparse, dense = (f(*given_) for f in both(sizes))
  for a, b in zip(jax.tree.leaves(sparse), jax.tree.leaves(dense)):
    np.testing.assert_allclose(a, b, atol=1e-6, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(
  length=st.integers(1, 40), local=st.integers(1, 50), prefix=st.integers(0, 50)
)
def test_the_number_of_pairs(length, local, prefix):
  places = jnp.arange(length)[None]
  sizes = SemiLocal(local, prefix, 1)
  mask = semi_local_mask(jnp.zeros_like(places), places, sizes=sizes)
  p = np.arange(length)
  pairs = np.minimum(p + 1, local)
  pairs += np.minimum(prefix, np.maximum(0, p + 1 - local))
  np.testing.assert_array_equal(mask[0].sum(axis=1), pairs)
  if max(local, prefix) >= length:
    np.testing.assert_array_equal(mask[0], np.tri(length, dtype=bool))


def test_of_16384_places_few_pairs_are_left():
  p = np.arange(16_384)
  pairs = np.minimum(p + 1, 256) + np.minimum(32, np.maximum(0, p - 255))
  assert round(100 * pairs.sum() / (p + 1).sum(), 1) == 3.5


def test_empty_places_give_and_take_nothing():
  batch = packed_rows([3, 5], block=4, places=PLACES, context=0)
  history, sizes = batch.history, SemiLocal(5, 3, 4)
  owners, places = jnp.asarray(history.owners), jnp.asarray(history.places)
  q, k, v, other = arrays(4, 1, PLACES, HEADS, SIZE)
  attend = functools.partial(
    semi_local_attention, owners=owners, places=places, sizes=sizes
  )
  empty = (owners < 0)[..., None, None]
  out = attend(q, k, v)
  np.testing.assert_array_equal(jnp.where(empty, out, 0), 0)
  changed = attend(*(jnp.where(empty, 9 * other, x) for x in (q, k, v)))
  np.testing.assert_array_equal(out, changed)


def test_no_softmax_so_a_shift_of_all_scores_changes_the_sum():
  mask = jnp.ones((1, 3, 3), bool)
  q, k, v = arrays(3, 1, 3, 1, SIZE)
  one = jnp.ones((1, 3, 1, 1))
  with_one = [jnp.concatenate((x, y), -1) for x, y in ((q, one), (k, one))]
  plain = masked_attention(q, k, v, mask)
  shifted = masked_attention(*with_one, v, mask)
  assert float(jnp.abs(plain - shifted).max()) > 1e-2
  half = masked_attention(q, k, v, mask, scale=0.5)
  np.testing.assert_allclose(2 * half, plain, rtol=1e-6)


def test_chunks_of_targets_change_nothing():
  q, own_k, own_v = arrays(3, 2, 11, HEADS, SIZE)
  k, v = arrays(2, 2, 9, HEADS, SIZE, seed=1)
  reads = jax.random.bernoulli(jax.random.key(0), 0.5, (2, 11, 9))
  whole = target_attention(q, (own_k, own_v), k, v, reads)
  parts = target_attention(q, (own_k, own_v), k, v, reads, chunk=4)
  np.testing.assert_allclose(whole, parts, atol=1e-6)


def test_the_gradient_of_many_targets_keeps_scores_of_a_chunk_alone():
  T, S, chunk = 256, 2048, 16

  def loss(q, own_k, own_v, k, v, reads):
    own = own_k, own_v
    found = target_attention(q, own, k, v, reads, chunk=chunk)
    return jnp.sum(found**2)

  few = jax.ShapeDtypeStruct((1, T, HEADS, SIZE), jnp.float32)
  many = jax.ShapeDtypeStruct((1, S, HEADS, SIZE), jnp.float32)
  reads = jax.ShapeDtypeStruct((1, T, S), jnp.bool_)
  gradient = jax.jit(jax.grad(loss, (0, 1, 2, 3, 4)))
  program = gradient.lower(few, few, few, many, many, reads).compile()
  scores = 4 * T * S * HEADS
  assert program.memory_analysis().temp_size_in_bytes < scores


def test_sizes_that_cannot_be_are_refused():
  with pytest.raises(ValueError, match=r"attention.local \(0\)"):
    SemiLocal(0)
  q = jnp.zeros((1, 10, 1, 2))
  zeros = jnp.zeros((1, 10), jnp.int32)
  with pytest.raises(ValueError, match="10 places are no multiple"):
    semi_local_attention(q, q, q, zeros, zeros, sizes=SemiLocal(4, 2, 4))


def test_positions_over_devices_exchange_neighbours_and_prefixes_alone():
  rows, length, first = 2, 512, 192
  drawn = np.random.default_rng(0)
  q, k, v = drawn.normal(size=(3, rows, length, 2, 8)).astype("float32")
  places = np.concatenate([np.arange(first), np.arange(length - first)])
  owners = np.broadcast_to(np.arange(length) >= first, (rows, length))
  owners = owners.astype(np.int32)
  places = np.broadcast_to(places, (rows, length)).astype(np.int32)
  sizes = SemiLocal(local=40, prefix=8, block=16)

  def total(q, k, v, owners, places):
    found = semi_local_attention(
      q, k, v, owners, places, sizes=sizes, scale=1 / 64
    )
    return (found**2).sum(), found

  run = jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True)
  one = jax.jit(run).lower(q, k, v, owners, places).compile()
  mesh = make_mesh(MeshConfig(data=1, sequence=8))
  split = NamedSharding(mesh, PartitionSpec(None, SEQUENCE))
  with jax.set_mesh(mesh):
    given = jax.device_put((q, k, v, owners, places), split)
    many = jax.jit(run).lower(*given).compile()
    found = many(*given)
  chex.assert_trees_all_close(
    found, one(q, k, v, owners, places), rtol=1e-4, atol=1e-4
  )
  # A device holds its part, and of the others what it reads.
  of_many, of_one = (
    each.memory_analysis().temp_size_in_bytes for each in (many, one)
  )
  assert of_many < of_one / 3
  # Prefixes are gathered, and neighbours sent along; no row of keys is.
  gathered = re.findall(r"= f32\[([\d,]+)\]\S* all-gather\(", many.as_text())
  for shape in gathered:
    assert math.prod(map(int, shape.split(","))) < k.size
