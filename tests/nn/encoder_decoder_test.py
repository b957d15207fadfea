import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.nn.biased_attention import MemoryKeys
from gr_jax.nn.encoder_decoder import Decoder, Encoder
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy

CONFIG = TransformerConfig(
  layers=2,
  width=16,
  heads=2,
  kv_heads=1,
  head_size=8,
  feed_forward=24,
  unroll=1,
)
B, P, T, S = 2, 3, 4, 5


def normal(*shape, seed=0):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


@functools.cache
def encoder(remat=False):
  config = CONFIG if not remat else TransformerConfig(
    **(vars(CONFIG) | {"remat": True}))  # fmt: skip
  model = Encoder(config)
  inputs = normal(B, S, 16), jnp.arange(S), jnp.ones((B, S, S), bool)
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), *inputs))
  return jax.jit(model.apply), noisy(params), inputs


@functools.cache
def decoder():
  model = Decoder(CONFIG)
  maker = MemoryKeys(CONFIG.layers, CONFIG.kv_heads, CONFIG.head_size)
  encoded = normal(B, S, 16)
  memory, _ = maker.init_with_output(jax.random.key(1), encoded)
  mask = jnp.ones((B, P, S), bool)
  inputs = normal(B, P, T, 16), None, memory, mask
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), *inputs))
  return jax.jit(model.apply), noisy(params), inputs


def test_the_encoder_reads_both_ways():
  apply, params, (x, positions, mask) = encoder()
  moved = x.at[:, -1].add(1.0)
  a, b = (apply(params, one, positions, mask) for one in (x, moved))
  assert np.abs(a[:, 0] - b[:, 0]).max() > 1e-3


def test_the_encoder_knows_distances_only():
  apply, params, (x, positions, mask) = encoder()
  a, b = (apply(params, x, positions + by, mask) for by in (0, 7))
  c = apply(params, x, positions[::-1], mask)
  np.testing.assert_allclose(a, b, atol=1e-5)
  assert np.abs(a - c).max() > 1e-3


def test_recomputed_activations_change_nothing():
  apply, params, inputs = encoder(remat=True)
  kept, _, _ = encoder()
  np.testing.assert_allclose(
    apply(params, *inputs), kept(params, *inputs), atol=1e-6
  )


def test_the_decoder_does_not_see_what_follows():
  apply, params, (x, past, memory, mask) = decoder()
  a, _ = apply(params, x, past, memory, mask)
  b, _ = apply(params, x.at[:, :, 2:].add(1.0), past, memory, mask)
  np.testing.assert_allclose(a[:, :, :2], b[:, :, :2], atol=1e-5)
  assert np.abs(a[:, :, 2:] - b[:, :, 2:]).max() > 1e-3


def test_sequences_do_not_read_each_other():
  apply, params, (x, past, memory, mask) = decoder()
  a, _ = apply(params, x, past, memory, mask)
  b, _ = apply(params, x[:, 1:2], past, memory, mask[:, 1:2])
  np.testing.assert_allclose(a[:, 1:2], b, atol=1e-5)


def test_steps_equal_the_whole_sequence():
  apply, params, (x, past, memory, mask) = decoder()
  whole, kept = apply(params, x, past, memory, mask)
  for t in range(T):
    step, past = apply(params, x[:, :, t : t + 1], past, memory, mask)
    np.testing.assert_allclose(step[:, :, 0], whole[:, :, t], atol=1e-5)
  np.testing.assert_allclose(past.keys, kept.keys, atol=1e-5)


def test_embeddings_weights_and_all_parts_of_blocks_are_dropped():
  rngs = {"dropout": jax.random.key(0)}
  plain = dataclasses.replace(CONFIG, layers=1)
  drops = dataclasses.replace(plain, dropout=0.5)
  for module, built, expected in (
    (Encoder, encoder(), 1 + 3),
    (Decoder, decoder(), 1 + 5),
  ):
    _, params, inputs = built
    blocks = jax.tree.map(lambda x: x[:1], params["params"]["blocks"])
    params = {"params": params["params"] | {"blocks": blocks}}
    if module is Decoder:
      first = jax.tree.map(lambda x: x[:1], inputs[2])
      inputs = (*inputs[:2], first, inputs[3])
    run = functools.partial(module(drops).apply, params)
    program = jax.jit(functools.partial(run, rngs=rngs)).lower(*inputs)
    assert program.as_text().count("call @_bernoulli") == expected
    # Without a key it is the plain network.
    still = jax.jit(functools.partial(module(plain).apply, params))(*inputs)
    chex.assert_trees_all_equal(jax.jit(run)(*inputs), still)
