"""The library's generator with the weights that both sides share."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import Trie, build_trie
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.transformer import TransformerConfig
from tools.benchmarks.search_data import SearchSizes, catalogue, weights


class Searched(NamedTuple):
  """Everything that a search is given."""

  model: Generator
  params: dict
  trie: Trie
  prompt: Callable[[np.ndarray], tuple[Prompt, np.ndarray]]


def make_generator(sizes: SearchSizes, *, dot_general, dtype) -> Searched:
  """The library's model with the shared weights; kernels kept as `dtype`."""
  config = TransformerConfig(
    layers=sizes.layers,
    width=sizes.width,
    heads=sizes.heads,
    kv_heads=sizes.kv_heads,
    head_size=sizes.head_size,
    feed_forward=sizes.feed_forward,
  )
  model = DecoderOnly(
    config, sizes.prompt_size, sizes.level_sizes, dot_general=dot_general
  )

  trie = build_trie(catalogue(sizes), sizes.level_sizes)
  params = jax.device_put(_params(weights(sizes), dtype))
  return Searched(model, params, trie, _prompt)


def _params(weights: dict[str, np.ndarray], dtype) -> dict:
  """The library's tree of parameters."""

  def dense(name, **more):
    return {"dense": {"kernel": jnp.asarray(weights[name], dtype), **more}}

  def norm(name):
    return {"scale": weights[name]}

  blocks = {
    "attention_norm": norm("attention_norm"),
    "attention": {
      "qkv": dense("qkv", bias=weights["qkv_bias"]),
      "out": dense("out"),
    },
    "mlp_norm": norm("mlp_norm"),
    "mlp": {name: dense(name) for name in ("gate", "up", "down")},
  }
  return {
    "params": {
      "token_embedding": weights["embedding"],
      "transformer": {"blocks": blocks, "norm": norm("norm")},
    }
  }


def _prompt(tokens: np.ndarray) -> tuple[Prompt, np.ndarray]:
  """One token a position: the first as profile, the last as query."""
  there = np.ones((len(tokens), tokens.shape[1] - 1), bool)
  history = tokens[:, 1:-1, None]
  return Prompt(tokens[:, :1, None], history, there), tokens[:, -1:]


def compiled_search(given: Searched, beam: int | tuple[int, ...]):
  """`search(params, prompt, trie)`."""
  search = functools.partial(beam_search, given.model, beam_size=beam)
  return jax.jit(search)
