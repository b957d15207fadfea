"""One attention of pictures and texts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.diffusion.networks.axial_rotary import axial_angles
from gr_jax.diffusion.networks.joint_attention import (
  BlockSizes,
  DoubleBlock,
  Heads,
  LastDoubleBlock,
  NormedHeads,
  Shared,
  SingleBlock,
  attend_jointly,
)
from tests.reference.small_flow import noisy

B, S, T, D, H = 2, 3, 4, 16, 2
SIZES = BlockSizes(heads=H, feed_forward=24)


def normal(*shape, seed=0):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.normal(size=shape), jnp.float32)


PICTURE, TEXT = normal(B, T, D, seed=1), normal(B, S, D, seed=2)
# The last word of the second text is padding.
THERE = np.ones((B, S + T), bool)
THERE[1, S - 1] = False
SHARED = Shared(normal(B, D, seed=3), jnp.asarray(THERE)[:, None], None)


def heads():
  return Heads(*(normal(B, S + T, H, D // H, seed=k) for k in (4, 5, 6)))


def attention(q, k, v):
  scores = np.einsum("bthd,bshd->bhts", q, k) / np.sqrt(D // H)
  weights = np.exp(scores) * THERE[:, None, None]
  weights /= weights.sum(axis=-1, keepdims=True)
  return np.einsum("bhts,bshd->bthd", weights, v).reshape(B, S + T, D)


def test_it_is_the_softmax_over_all_that_is_there():
  found = attend_jointly(heads(), SHARED)
  np.testing.assert_allclose(found, attention(*heads()), rtol=1e-4, atol=1e-5)


def test_angles_count_by_differences_of_places_alone():
  places = np.random.default_rng(7).integers(0, 5, (S + T, 3))
  found = [
    attend_jointly(
      heads(), SHARED._replace(angles=axial_angles(jnp.asarray(at), (4, 2, 2)))
    )
    for at in (places, places + np.array([1, 2, 3]), places[::-1])
  ]
  np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-5)
  assert np.abs(found[2] - found[0]).max() > 1e-3


def test_queries_and_keys_are_normed_and_values_are_not():
  qkv = normal(B, T, 3 * D)
  model = NormedHeads(H)
  found, _ = model.init_with_output(jax.random.key(0), qkv)
  for x in found[:2]:
    np.testing.assert_allclose(jnp.mean(jnp.square(x), axis=-1), 1, rtol=1e-4)
  np.testing.assert_array_equal(
    found.values.reshape(B, T, D), qkv[..., 2 * D :]
  )


@functools.cache
def block(name):
  """First parameters, those of noise, and the compiled block."""
  model = {
    "double": DoubleBlock,
    "last": LastDoubleBlock,
    "single": SingleBlock,
  }
  given = {
    "double": ((PICTURE, TEXT),),
    "last": (PICTURE, TEXT),
    "single": (jnp.concatenate((TEXT, PICTURE), axis=1),),
  }
  block, given = model[name](SIZES), given[name]
  first = nn.unbox(jax.jit(block.init)(jax.random.key(0), *given, SHARED))
  apply = jax.jit(lambda params, *given: block.apply(params, *given, SHARED))
  return first, noisy(first), apply, given


@pytest.mark.parametrize("name", ["double", "last", "single"])
def test_a_block_is_the_identity_at_first(name):
  first, _, apply, given = block(name)
  found = apply(first, *given)
  expected = given[0] if name == "last" else (given[0], None)
  jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_both_streams_read_each_other_and_no_row_another():
  _, params, apply, _ = block("double")
  (picture, text), _ = apply(params, (PICTURE, TEXT))
  # The first word of the first text, then the first token of its picture.
  (reads, _), _ = apply(params, (PICTURE, TEXT.at[0, 0, 0].add(1.0)))
  (_, moved), _ = apply(params, (PICTURE.at[0, 0, 0].add(1.0), TEXT))
  for before, after in ((picture, reads), (text, moved)):
    assert (np.abs(after - before)[0].max(axis=-1) > 1e-4).all()
    np.testing.assert_array_equal(after[1], before[1])
  # Padding is not read, by pictures nor by words.
  (reads, moved), _ = apply(params, (PICTURE, TEXT.at[1, S - 1, 0].add(1.0)))
  np.testing.assert_allclose(reads, picture, atol=1e-5)
  np.testing.assert_allclose(moved[:, : S - 1], text[:, : S - 1], atol=1e-5)


def test_the_last_double_block_is_one_whose_texts_nobody_reads():
  _, params, apply, _ = block("double")
  (expected, _), _ = apply(params, (PICTURE, TEXT))
  parts = params["params"]
  text = {name: parts["text"][name] for name in ("qkv", "heads")}
  text["modulation"] = jax.tree.map(
    lambda x: x[..., : 2 * D], parts["text"]["modulation"]
  )
  last = {"picture": parts["picture"], "text": text}
  found = block("last")[2]({"params": last}, PICTURE, TEXT)
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_single_block_does_not_read_padding_and_reads_the_rest():
  _, params, apply, (both,) = block("single")
  plain, _ = apply(params, both)
  other, _ = apply(params, both.at[1, S - 1, 0].add(1.0))
  rest = np.delete(np.arange(S + T), S - 1)
  np.testing.assert_allclose(other[:, rest], plain[:, rest], atol=1e-5)
  word, _ = apply(params, both.at[1, 0, 0].add(1.0))
  assert (np.abs(word - plain)[1].max(axis=-1) > 1e-4).all()
  np.testing.assert_array_equal(word[0], plain[0])
