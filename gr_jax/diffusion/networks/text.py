"""What a network reads of a text."""

import jax
from flax import struct


@struct.dataclass
class Text:
  """Encoded prompts.

  Attributes:
    states: `[B, S, Dt]`, one a token.
    mask: `[B, S]`, True = a token; every row has one.
    pooled: `[B, Dp]`, the whole text.
  """

  states: jax.Array
  mask: jax.Array
  pooled: jax.Array
