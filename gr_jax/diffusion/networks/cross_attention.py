"""Attention of a picture's tokens to a text."""

import jax
from flax import linen as nn

from gr_jax.diffusion.networks.text import Text
from gr_jax.nn.attention import KeyValues, attend
from gr_jax.nn.layers import DotGeneral, Linear, Lora


class TextAttention(nn.Module):
  """`softmax(q kᵀ / √h) v` with biases everywhere, as in PixArt and SANA.

  The last projection is zero at first (PixArt-α, arXiv 2310.00426): a text
  changes nothing until it is learned.
  """

  heads: int
  dot_general: DotGeneral = jax.lax.dot_general
  lora: Lora | None = None

  @nn.compact
  def __call__(self, x: jax.Array, text: Text) -> jax.Array:
    """`[B, T, D]` of `[B, T, D]` and a text `[B, S, Dt]`."""
    B, T, D = x.shape
    H, h = self.heads, D // self.heads

    def linear(features: int, axes: tuple[str, str], name: str, **kwargs):
      return Linear(
        features,
        axes,
        use_bias=True,
        dot_general=self.dot_general,
        lora=self.lora,
        name=name,
        **kwargs,
      )

    q = linear(D, ("embed", "heads"), "q")(x).reshape(B, T, H, h)
    both = linear(2 * D, ("embed", "heads"), "kv")(text.states)
    both = both.reshape(B, -1, 2, H, h)
    found = attend(
      q, KeyValues(both[:, :, 0], both[:, :, 1]), text.mask[:, None]
    )
    back = linear(
      D, ("heads", "embed"), "out", kernel_init=nn.initializers.zeros
    )
    return back(found)
