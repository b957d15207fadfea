"""A generator of the small world, noisy enough that its choices differ."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.decoding.trie import build_trie
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.rl.policies import AlignmentContext
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, shop, writer


@functools.cache
def model():
  return DecoderOnly(
    TransformerConfig(
      layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=16
    ),
    writer()._vocabulary.prompt_size,
    semantic_ids().level_sizes,
  )


@functools.cache
def trie():
  return build_trie(semantic_ids().ids, semantic_ids().level_sizes)


def _arguments():
  prompt = writer().prompts(np.array([100]), shown=np.ones(1, bool))
  codes = jnp.zeros((1, 1, len(semantic_ids().level_sizes)), jnp.int32)
  return prompt, writer().queries(np.array([[0]])), codes


@functools.cache
def params():
  """`{"params": ...}` of the model without counts."""
  made = jax.jit(model().init)(jax.random.key(0), *_arguments())
  return noisy(nn.unbox(made))


@functools.cache
def counts():
  counted = count_catalogue(
    semantic_ids(), shop().catalogue.popularity, alpha=1.0
  )
  return {"counts": {"catalogue": jax.device_put(counted)}}


@functools.cache
def counted_params():
  """`{"params": ...}` of the model that is conditioned on counts."""

  @jax.jit
  def init(counts, key):
    rngs = {"params": key}
    inputs = _arguments()
    return model().apply(counts, *inputs, rngs=rngs, mutable=["params"])[1]

  return noisy(nn.unbox(init(counts(), jax.random.key(0))))


@functools.cache
def context():
  table = jnp.asarray(semantic_ids().ids)
  return AlignmentContext(params(), {}, trie(), table)


@functools.cache
def counted_context():
  table = jnp.asarray(semantic_ids().ids)
  return AlignmentContext(counted_params(), counts(), trie(), table)
