"""The network of SANA: linear attention, Mix-FFN, cross-attention to a text.

  x += gate_1 attention(adaptive_norm(x))
  x += cross_attention(x, text)
  x += gate_2 mix_ffn(adaptive_norm(x))

(arXiv 2410.10629; sizes and biases from the official code, NVlabs/Sana.)
Scales, shifts and gates are those of the time, the same for all blocks, plus a
learned row of every block (adaLN-single, PixArt-α, arXiv 2310.00426).

Left out: norms of queries and keys (SANA-1.5's), embeddings of guidance, and
the autoencoder: what comes in is a picture or a latent, `[B, H, W, C]`.
"""

import dataclasses
from collections.abc import Callable

import jax
from flax import linen as nn

from gr_jax.choices import choose
from gr_jax.diffusion.networks.cross_attention import TextAttention
from gr_jax.diffusion.networks.embeddings import TimeEmbedding
from gr_jax.diffusion.networks.linear_attention import LinearAttention
from gr_jax.diffusion.networks.mix_ffn import MixFFN
from gr_jax.diffusion.networks.modulation import modulated_norm
from gr_jax.diffusion.networks.patches import from_patches, to_patches
from gr_jax.diffusion.networks.text import Text
from gr_jax.nn.layers import DotGeneral, Linear, Lora, RMSNorm, name_axes
from gr_jax.nn.transformer import REMAT, stacked
from gr_jax.parallel.constraints import split_states


@dataclasses.dataclass(frozen=True)
class SanaConfig:
  """Sizes.

  Attributes:
    channels: `C` of a picture.
    patch: the side of a token in pixels.
    width: `D`.
    layers: the number of blocks.
    head_size: of linear attention; 32 in all published sizes.
    text_heads: heads of the cross-attention.
    feed_forward: the width of the gated half of Mix-FFN, 2.5 `D` in SANA.
    lora: a low-rank change of the products of a block that it targets, and of
      the layer "modulation", which all blocks share; None without.
    remat: one of `nn.transformer.REMAT`.
    unroll: blocks per turn of the scan.
  """

  channels: int = 3
  patch: int = 4
  width: int = 128
  layers: int = 4
  head_size: int = 32
  text_heads: int = 4
  feed_forward: int = 320
  lora: Lora | None = None
  remat: str = "none"
  unroll: int = 4

  def __post_init__(self):
    choose("model.remat", self.remat, REMAT)
    for name in ("head_size", "text_heads"):
      if self.width % getattr(self, name):
        raise ValueError(
          f"{name} ({getattr(self, name)}) must divide width ({self.width})."
        )


class SanaBlock(nn.Module):
  """One block; the equation above."""

  config: SanaConfig
  height: int
  columns: int
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self, x: jax.Array, modulation: jax.Array, text: Text
  ) -> tuple[jax.Array, None]:
    c, dot = self.config, self.dot_general
    x = split_states(x)
    own = self.param("modulation", _row_init(c.width), (6, c.width))
    parts = modulation + own
    shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = (
      parts[:, part] for part in range(6)
    )
    attention = LinearAttention(
      c.width // c.head_size, c.head_size, dot, c.lora, name="attention"
    )
    x += gate_1[:, None] * attention(modulated_norm(x, shift_1, scale_1))
    x += TextAttention(c.text_heads, dot, c.lora, name="cross")(x, text)
    added = MixFFN(c.feed_forward, dot, c.lora, name="mlp")(
      modulated_norm(x, shift_2, scale_2),
      height=self.height,
      width=self.columns,
    )
    return x + gate_2[:, None] * added, None


class Sana(nn.Module):
  """The velocity of pictures at a time, given texts.

  Attributes:
    config: sizes.
    dot_general: the product of every linear layer.
  """

  config: SanaConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, x: jax.Array, t: jax.Array, text: Text) -> jax.Array:
    """`[B, H, W, C]` of pictures `[B, H, W, C]`, times `[B]` and texts.

    It is 0 at first: the last layer is `[OURS]` zero, as in DiT.
    """
    c, dot = self.config, self.dot_general
    B, H, W, _ = x.shape
    tokens = self._linear(c.width, ("norm", "embed"), "patches")(
      to_patches(x, c.patch)
    )
    time = TimeEmbedding(c.width, dot, name="time")(t)
    modulation = self._linear(
      6 * c.width, ("embed", "mlp"), "modulation", lora=c.lora
    )(nn.silu(time)).reshape(B, 6, c.width)
    hidden = self._linear(c.width, ("norm", "mlp"), "text_in")(text.states)
    states = self._linear(c.width, ("mlp", "embed"), "text_out")(
      nn.gelu(hidden)
    )
    states = RMSNorm(name="text_norm")(states)
    text = Text(states, text.mask, text.pooled)
    stack = stacked(SanaBlock, c, (nn.broadcast, nn.broadcast))
    blocks = stack(c, H // c.patch, W // c.patch, dot, name="blocks")
    tokens, _ = blocks(tokens, modulation, text)
    last = self.param("last_modulation", _row_init(c.width), (2, c.width))
    shift, scale = (time + row for row in last)
    out = self._linear(
      c.patch**2 * c.channels,
      ("embed", "norm"),
      "out",
      kernel_init=nn.initializers.zeros,
    )(modulated_norm(tokens, shift, scale))
    return from_patches(out, c.patch, height=H, width=W)

  def _linear(
    self, features: int, axes: tuple[str, str], name: str, **kwargs
  ) -> Linear:
    return Linear(
      features,
      axes,
      use_bias=True,
      dot_general=self.dot_general,
      name=name,
      **kwargs,
    )


def _row_init(width: int) -> Callable[..., jax.Array]:
  init = nn.initializers.normal(width**-0.5)
  return name_axes(init, ("norm", "embed"))
