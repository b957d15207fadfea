"""A small encoder of prompts, trained together with the flow model.

Published models read the states of large language models; here a transformer
in the T5 arrangement (`nn.encoder_decoder`) is learned from nothing `[OURS]`.
A learned token stands before the prompt: what is read there is the whole text,
and an empty prompt, which guidance needs, is that token alone.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.diffusion.networks.text import Text
from gr_jax.nn.attention_mask import Blocks, two_way_mask
from gr_jax.nn.encoder_decoder import Encoder
from gr_jax.nn.layers import DotGeneral, name_axes
from gr_jax.nn.transformer import TransformerConfig

PAD = 0


@dataclasses.dataclass(frozen=True)
class TextEncoderConfig:
  """Sizes.

  Attributes:
    vocabulary: the number of tokens; 0 is padding.
    width: the width of states, and of the pooled vector.
    layers: the number of blocks.
    heads: the number of heads.
  """

  vocabulary: int
  width: int = 128
  layers: int = 2
  heads: int = 4

  def transformer(self) -> TransformerConfig:
    """The sizes of the blocks."""
    return TransformerConfig(
      layers=self.layers,
      width=self.width,
      heads=self.heads,
      kv_heads=self.heads,
      head_size=self.width // self.heads,
      feed_forward=2 * self.width,
    )


class TextEncoder(nn.Module):
  """States and the pooled vector of prompts."""

  config: TextEncoderConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, tokens: jax.Array) -> Text:
    """The text of `[B, S]` tokens, 0 = padding: `S + 1` states."""
    c = self.config
    table = self.param(
      "table",
      name_axes(nn.initializers.normal(1.0), ("vocab", "embed")),
      (c.vocabulary, c.width),
    )
    # The row of padding, which nothing else reads, is the token before all.
    tokens = jnp.pad(tokens, ((0, 0), (1, 0)), constant_values=PAD)
    mask = (tokens != PAD).at[:, 0].set(True)
    length = tokens.shape[1]
    states = Encoder(c.transformer(), self.dot_general, name="encoder")(
      table[tokens],
      jnp.arange(length),
      two_way_mask(mask, Blocks(length)),
    )
    return Text(states, mask, states[:, 0])
