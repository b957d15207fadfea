"""Sizes, catalogue and weights of both sides, and the library's generator."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import Trie, build_trie
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import TransformerConfig
from tools.benchmarks.trie import random_ids


@dataclasses.dataclass(frozen=True)
class SearchSizes:
  """Model, prompt and catalogue.

  Attributes:
    ids: semantic IDs in the catalogue.
    level_sizes: codes per level.
    prompt: tokens of a prompt, all of them seen.
    prompt_size: tokens that are not codes.
    beam: IDs per prompt.
    layers: blocks of the decoder; the other sizes are the decoder's own.
    width: `D`.
    heads: query heads.
    kv_heads: key and value heads.
    feed_forward: `F`.
  """

  ids: int
  level_sizes: tuple[int, ...]
  prompt: int
  prompt_size: int
  beam: int
  layers: int
  width: int
  heads: int
  kv_heads: int
  feed_forward: int

  @property
  def head_size(self) -> int:
    return self.width // self.heads

  @property
  def vocabulary(self) -> int:
    return self.prompt_size + sum(self.level_sizes)

  @property
  def code_offsets(self) -> np.ndarray:
    """First token of each level."""
    return self.prompt_size + np.cumsum((0, *self.level_sizes[:-1]))


def make_sizes(sizes: dict) -> SearchSizes:
  """From JSON, where a tuple is a list."""
  return SearchSizes(**sizes | {"level_sizes": tuple(sizes["level_sizes"])})


def catalogue(sizes: SearchSizes) -> np.ndarray:
  """`[ids, L]` sorted codes."""
  return random_ids(sizes.ids, list(sizes.level_sizes), seed=0)


def prompts(sizes: SearchSizes, count: int) -> np.ndarray:
  """`[count, prompt]` tokens."""
  rng = np.random.default_rng(1)
  return rng.integers(
    sizes.prompt_size, size=(count, sizes.prompt), dtype=np.int32
  )


def weights(sizes: SearchSizes) -> dict[str, np.ndarray]:
  """Random float32 weights by name; kernels `[layers, in, out]`."""
  rng = np.random.default_rng(2)
  layers, D, F = sizes.layers, sizes.width, sizes.feed_forward
  projected = (sizes.heads + 2 * sizes.kv_heads) * sizes.head_size
  attended = sizes.heads * sizes.head_size

  def kernel(*shape):
    drawn = rng.standard_normal((layers, *shape), np.float32)
    return drawn / np.sqrt(np.float32(shape[0]))

  return {
    # Rows of this length spread the scores of siblings by about two nats.
    "embedding": rng.standard_normal((sizes.vocabulary, D), np.float32)
    * np.float32(0.125),
    "qkv": kernel(D, projected),
    "qkv_bias": 0.1 * rng.standard_normal((layers, projected), np.float32),
    "out": kernel(attended, D),
    "gate": kernel(D, F),
    "up": kernel(D, F),
    "down": kernel(F, D),
    "attention_norm": np.ones((layers, D), np.float32),
    "mlp_norm": np.ones((layers, D), np.float32),
    "norm": np.ones(D, np.float32),
  }


class Searched(NamedTuple):
  """Everything that a search is given."""

  model: Generator
  params: dict
  trie: Trie
  prompt: Callable[[np.ndarray], tuple[Prompt, np.ndarray]]


def make_generator(sizes: SearchSizes, *, dtype: str) -> Searched:
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
    config,
    sizes.prompt_size,
    sizes.level_sizes,
    dot_general=dot_general(dtype),
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
