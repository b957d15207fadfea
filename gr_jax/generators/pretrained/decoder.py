"""A causal language model in Qwen2's or Llama's arrangement.

`logits = norm(blocks(E[tokens])) Wᵀ`, with `W = E` where embeddings are tied.
The blocks are `nn.transformer`'s, stacked over layers; caches are arguments and
results.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.generators.pretrained.arrangement import Arrangement
from gr_jax.generators.pretrained.extended import NewTokens, whole_table
from gr_jax.nn.attention import BeamCache, KeyValues, Place
from gr_jax.nn.attention_mask import AttentionMask, causal_mask
from gr_jax.nn.layers import DotGeneral, Linear, name_axes
from gr_jax.nn.transformer import Transformer, TransformerConfig
from gr_jax.parallel.constraints import keep_few_whole, split_vocabulary


class CausalDecoder(nn.Module):
  """Token logits of texts, and the parts that generators of codes use.

  Attributes:
    config: the sizes of the blocks.
    vocab_size: rows `V` of the table that was read.
    tied: the table scores as well.
    new: tokens with rows of their own, None without.
    dot_general: the product of every dense layer and of the scores.
  """

  config: TransformerConfig
  vocab_size: int
  tied: bool
  new: NewTokens | None = None
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    width = self.config.width
    init = nn.initializers.normal(width**-0.5)
    rows = name_axes(init, ("vocab", "embed"))
    self.token_embedding = self.param(
      "token_embedding", rows, (self.vocab_size, width)
    )
    self.transformer = Transformer(self.config, self.dot_general)
    if not self.tied:
      self.head = Linear(
        self.vocab_size, ("embed", "vocab"), dot_general=self.dot_general
      )
    if self.new is not None:
      self.new.vocab_size(self.vocab_size)
      # Few: they lie whole on every device.
      few = name_axes(init, ("levels", "embed"))
      shape = (self.new.count, width)
      self.new_embedding = self.param("new_embedding", few, shape)
      if not self.tied:
        self.new_head = self.param("new_head", few, shape)

  def embed(self, tokens: jax.Array) -> jax.Array:
    """`[..., D]` of tokens `[...]`."""
    table = split_vocabulary(self.token_embedding)
    if self.new is None:
      return table[tokens]
    place = tokens - self.new.first
    is_new = (place >= 0) & (place < self.new.count)
    return jnp.where(
      is_new[..., None],
      keep_few_whole(self.new_embedding)[jnp.where(is_new, place, 0)],
      table[jnp.where(is_new, 0, tokens)],
    )

  def logits(self, states: jax.Array) -> jax.Array:
    """`[..., V']` of normed states `[..., D]`, new tokens in their places."""
    if self.tied:
      old = self._scores(states, self.token_embedding)
    else:
      old = self.head(states)
    if self.new is None:
      return old
    fresh = self.new_logits(states, 0, self.new.count)
    return whole_table(old, fresh, self.new, axis=-1)

  def new_logits(self, states: jax.Array, first: int, stop: int) -> jax.Array:
    """`[..., stop - first]` of the new tokens `first .. stop - 1` of states."""
    rows = self.new_embedding if self.tied else self.new_head
    return self._scores(states, rows[first:stop])

  def _scores(self, states: jax.Array, rows: jax.Array) -> jax.Array:
    return self.dot_general(
      states, rows.T, (((states.ndim - 1,), (0,)), ((), ()))
    )

  def __call__(self, tokens: jax.Array, mask: jax.Array) -> jax.Array:
    """Logits `[B, T, V']` of texts `[B, T]`, whose mask is `[B, T]`."""
    return self.logits(self.read(tokens, mask)[0])

  def read(
    self, tokens: jax.Array, mask: jax.Array
  ) -> tuple[jax.Array, KeyValues]:
    """States `[B, T, D]` of texts, and the keys and values of every layer.

    Args:
      tokens: `[B, T]`; padding may stand anywhere.
      mask: `[B, T]`, True = a token.
    """
    return self.transformer(
      self.embed(tokens), text_positions(mask), causal_mask(mask)
    )

  def go_on(
    self,
    tokens: jax.Array,
    positions: jax.Array,
    place: AttentionMask | Place,
    cache: KeyValues | BeamCache | None,
  ) -> tuple[jax.Array, KeyValues]:
    """States `[B, T, D]` of what follows, and the cache; see `Transformer`."""
    return self.transformer(self.embed(tokens), positions, place, cache)


def text_positions(mask: jax.Array) -> jax.Array:
  """`[B, T]`: how many tokens stand before each position of a mask `[B, T]`."""
  return jnp.maximum(jnp.cumsum(mask, axis=-1) - 1, 0)


def make_decoder(
  arrangement: Arrangement,
  *,
  new: NewTokens | None = None,
  dot_general: DotGeneral = jax.lax.dot_general,
  **options,
) -> CausalDecoder:
  """The decoder of an arrangement.

  Args:
    arrangement: the sizes.
    new: tokens with rows of their own.
    dot_general: the product of every dense layer.
    **options: those of `Arrangement.transformer`.
  """
  return CausalDecoder(
    arrangement.transformer(**options),
    arrangement.vocab_size,
    arrangement.tied,
    new,
    dot_general,
  )
