"""Parameters in the form that a search on this platform reads soonest.

A search of few requests reads all weights once a level and computes little with
them: bytes are its time. On GPUs the kernels of the blocks are kept in the
numbers that are multiplied, half the bytes where those are bfloat16, and layers
stand apart (`transformer.unstacked`), so that none is copied out of a stack;
programs of more than `MOST_APART` would take minutes to compile. Answers are
the same. Elsewhere, and for other networks than a decoder alone, nothing
changes. `[OURS]`
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.decoding.generator import Generator
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.lazy_ar import LazyAR
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.transformer import unstacked

MOST_APART = 12  # Read off programs compiled for an H200; none was run.


def search_layout(
  generator: Generator, params: Mapping[str, Any], *, platform: str = ""
) -> Mapping[str, Any]:
  """Parameters that give the answers of `params`.

  Args:
    generator: the network.
    params: its parameters, `{"params": ...}`, and whatever else it reads.
    platform: the platform that searches; empty = the default one.
  """
  here = platform or jax.default_backend()
  if here != "gpu" or not isinstance(generator, (DecoderOnly, LazyAR)):
    return params
  if generator.dot_general is bf16_dot_general:
    params = jax.tree.map_with_path(_rounded, params)
  if generator.config.layers > MOST_APART:
    return params
  return {**params, "params": unstacked(params["params"])}


def _rounded(path: tuple, leaf: jax.Array) -> jax.Array:
  # Only those of the blocks: what counts add may be multiplied in float32.
  names = [getattr(key, "key", None) for key in path]
  of_block = "blocks" in names and names[-1] == "kernel"
  return leaf.astype(jnp.bfloat16) if of_block else leaf
