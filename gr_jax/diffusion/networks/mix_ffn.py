r"""SANA's Mix-FFN: a gated feed-forward layer that looks at its neighbors.

$$ [a, b] = \mathrm{conv}_{3×3}(\mathrm{silu}(x W_1 + b_1)), \qquad
   y = (a ⊙ \mathrm{silu}(b)) W_2 $$

(arXiv 2410.10629, section 2.2; the convolution is depthwise.) Its zeros beyond
the edges are what tells a token where it is: SANA has no other positions.

Both 1 x 1 convolutions of the paper are linear layers here, as in the network
of Sol-RL's official recipe, `SanaMSLinearFFN_1600M_P1_D20`: there too the
depthwise convolution stays. So one network is both.
"""

import jax
from flax import linen as nn

from gr_jax.diffusion.networks.depthwise import depthwise
from gr_jax.nn.layers import DotGeneral, Linear, Lora, name_axes


class MixFFN(nn.Module):
  """The equation above; `features` is the width of `a`, and of `b`."""

  features: int
  dot_general: DotGeneral = jax.lax.dot_general
  lora: Lora | None = None

  @nn.compact
  def __call__(self, x: jax.Array, *, height: int, width: int) -> jax.Array:
    """`[B, height width, D]` of the same."""
    B, T, D = x.shape
    wide = 2 * self.features
    x = Linear(
      wide,
      ("embed", "mlp"),
      use_bias=True,
      dot_general=self.dot_general,
      lora=self.lora,
      name="in",
    )(x)
    kernel = self.param(
      "kernel",
      # A sum of nine products keeps the size of its input.
      name_axes(nn.initializers.normal(1 / 3), ("norm", "mlp")),
      (9, wide),
    )
    bias = self.param(
      "bias", name_axes(nn.initializers.zeros, ("mlp",)), (wide,)
    )
    x = depthwise(nn.silu(x).reshape(B, height, width, wide), kernel) + bias
    a, b = x[..., : self.features], x[..., self.features :]
    return Linear(
      D,
      ("mlp", "embed"),
      dot_general=self.dot_general,
      lora=self.lora,
      name="out",
    )((a * nn.silu(b)).reshape(B, T, self.features))
