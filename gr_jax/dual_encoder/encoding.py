"""Items and requests as a trained dual encoder sees them."""

import functools
from typing import Any

import jax

from gr_jax.dual_encoder.network import DualEncoder
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.map_rows import map_rows

_REQUESTS = 256


@functools.partial(jax.jit, static_argnums=0)
def encode_items(
  model: DualEncoder, params: Any, vectors: jax.Array
) -> jax.Array:
  """`[N, D]` of item vectors `[N, Dv]`, a slice at a time."""
  encode: Any = functools.partial(model.apply, params, method="items")
  return map_rows(encode, vectors)


@functools.partial(jax.jit, static_argnums=0)
def encode_requests(
  model: DualEncoder,
  params: Any,
  prompt: Prompt,
  words: jax.Array,
  vectors: jax.Array,
) -> jax.Array:
  """`[R, D]` of prompts, words `[R, Wq]` and query vectors `[R, Dv]`."""
  encode: Any = functools.partial(model.apply, params, method="requests")
  return map_rows(
    lambda rows: encode(*rows), (prompt, words, vectors), size=_REQUESTS
  )
