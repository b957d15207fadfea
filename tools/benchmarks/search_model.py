"""Weights that the library and its peer share, and the library's search."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.decoding.beams import SearchResult
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.prompts.writer import Prompt
from tools.benchmarks.generator import Sizes
from tools.benchmarks.trie import compiled_searches


def weights(sizes: Sizes) -> dict[str, np.ndarray]:
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


def make_searches(
  sizes: Sizes, *, dtype: str
) -> tuple[Callable[[np.ndarray], SearchResult], Callable[[np.ndarray], tuple]]:
  """The library's search for tokens `[B, T]`, and the same without a catalogue.

  Kernels are kept as `dtype`.
  """
  search, unconstrained = compiled_searches(
    sizes.model(dtype), levels=len(sizes.level_sizes), beam=sizes.beam
  )
  trie = build_trie(sizes.catalogue(), sizes.level_sizes)
  params = jax.device_put(_params(weights(sizes), dtype))
  return (
    lambda tokens: search(params, _prompt(tokens), trie),
    lambda tokens: unconstrained(params, _prompt(tokens)),
  )


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
