"""Goes on with a text, the most probable token each time."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.generators.pretrained.decoder import CausalDecoder
from gr_jax.nn.attention import NextPlace


def greedy(
  model: CausalDecoder,
  variables: Any,
  tokens: jax.Array,
  mask: jax.Array,
  *,
  count: int,
) -> jax.Array:
  """The `count` most probable next tokens `[B, count]`, one after another.

  `y_t = argmax_v p(v | tokens, y_<t)`; of equals the first.

  Args:
    model: the decoder.
    variables: its parameters.
    tokens: `[B, T]`.
    mask: `[B, T]`, a token at least in every row.
    count: how many, at least 1.
  """
  B, T = tokens.shape
  states, kept = nn.apply(CausalDecoder.read, model)(variables, tokens, mask)
  room = ((0, 0), (0, 0), (0, count - 1), (0, 0), (0, 0))
  cache = jax.tree.map(lambda x: jnp.pad(x, room), kept)
  lengths = mask.sum(axis=1)
  # Each text's last token, wherever its padding stands.
  last = T - 1 - jnp.argmax(mask[:, ::-1], axis=1)
  state = jnp.take_along_axis(states, last[:, None, None], axis=1)

  def choose(state):
    logits = nn.apply(CausalDecoder.logits, model)(variables, state)
    return jnp.argmax(logits, axis=-1).astype(tokens.dtype)

  def step(carry, index):
    token, cache = carry
    own = jnp.broadcast_to(jnp.arange(count - 1) <= index, (B, count - 1))
    seen = jnp.concatenate((mask, own), axis=1)[:, None]
    state, cache = nn.apply(CausalDecoder.go_on, model)(
      variables,
      token,
      (lengths + index)[:, None],
      NextPlace(seen, T + index),
      cache,
    )
    token = choose(state)
    return (token, cache), token[:, 0]

  first = choose(state)
  _, rest = jax.lax.scan(step, (first, cache), jnp.arange(count - 1))
  return jnp.concatenate((first, rest.T), axis=1)
