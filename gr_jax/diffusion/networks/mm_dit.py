"""The networks of SD3 and FLUX: joint attention of pictures and texts.

Double blocks, then single blocks (`joint_attention`). Without single blocks it
is SD3's MM-DiT (arXiv 2403.03206; Stability-AI/sd3.5) with fixed sinusoids as
positions; with them it is FLUX (black-forest-labs/flux), which turns queries
and keys by rotary angles of image, row and column. The vector of time and
pooled text sets every block's scales, shifts and gates.

Left out: SD3.5-Medium's second attention. Padding of texts is masked `[OURS]`;
SD3 and FLUX let pictures attend to it.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.choices import choose
from gr_jax.diffusion.networks.axial_rotary import axial_angles
from gr_jax.diffusion.networks.embeddings import (
  TimeEmbedding,
  VectorEmbedding,
  grid_places,
  grid_sinusoids,
)
from gr_jax.diffusion.networks.joint_attention import (
  BlockSizes,
  DoubleBlock,
  LastDoubleBlock,
  Shared,
  SingleBlock,
)
from gr_jax.diffusion.networks.modulation import Modulation, modulated_norm
from gr_jax.diffusion.networks.patches import from_patches, to_patches
from gr_jax.diffusion.networks.text import Text
from gr_jax.nn.attention import Kernel
from gr_jax.nn.attention_choice import ATTENTION, choose_attention
from gr_jax.nn.attention_mask import Blocks, two_way_mask
from gr_jax.nn.layers import DotGeneral, Linear, Lora
from gr_jax.nn.transformer import REMAT, Depth, stacked


@dataclasses.dataclass(frozen=True)
class MMDiTConfig:
  """Sizes.

  Attributes:
    channels: `C` of a picture.
    patch: the side of a token in pixels.
    width: `D`.
    heads: `H`.
    double_layers: blocks with two streams.
    single_layers: blocks with one stream after them.
    feed_forward: the width of an MLP.
    rotary_axes: the numbers of a head that image, row and column turn; None =
      fixed sinusoids are added to the pictures' tokens.
    guidance: the scale of guidance that a distilled network is conditioned on
      (FLUX.1-dev); None = no such input.
    lora: a low-rank change of the products of a block that it targets, those
      of the adaptive norms among them; None without.
    remat: one of `nn.transformer.REMAT`.
    unroll: blocks per turn of the scans.
    attention: one of `nn.attention_choice.ATTENTION`: "auto" takes the kernel
      of the platform.
  """

  channels: int = 3
  patch: int = 4
  width: int = 128
  heads: int = 4
  double_layers: int = 4
  single_layers: int = 0
  feed_forward: int = 512
  rotary_axes: tuple[int, int, int] | None = None
  guidance: float | None = None
  lora: Lora | None = None
  remat: str = "none"
  unroll: int = 4
  attention: str = "auto"

  def __post_init__(self):
    choose("model.remat", self.remat, REMAT)
    choose("model.attention", self.attention, ATTENTION)
    if self.width % self.heads:
      raise ValueError(
        f"heads ({self.heads}) must divide width ({self.width})."
      )
    size = self.width // self.heads
    axes = self.rotary_axes
    if axes and (sum(axes) != size or any(n % 2 for n in axes)):
      raise ValueError(
        f"rotary_axes ({axes}) must be even and sum to width / heads ({size})."
      )
    if self.double_layers < 1:
      raise ValueError(f"double_layers ({self.double_layers}) must be above 0.")


class MMDiT(nn.Module):
  """The velocity of pictures at a time, given texts.

  Attributes:
    config: sizes.
    dot_general: the product of every linear layer.
  """

  config: MMDiTConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, x: jax.Array, t: jax.Array, text: Text) -> jax.Array:
    """`[B, H, W, C]` of pictures `[B, H, W, C]`, times `[B]` and texts.

    It is 0 at first: gates and the last layer are.
    """
    c, dot = self.config, self.dot_general
    H, W = x.shape[1:3]
    tokens = self._linear(c.width, ("norm", "embed"), "patches")(
      to_patches(x, c.patch)
    )
    if c.rotary_axes is None:
      tokens += grid_sinusoids(H // c.patch, W // c.patch, c.width)
    vector = TimeEmbedding(c.width, dot, name="time")(t)
    vector += VectorEmbedding(c.width, dot, name="pooled")(text.pooled)
    if c.guidance is not None:
      strength = jnp.full(t.shape, c.guidance, jnp.float32)
      vector += TimeEmbedding(c.width, dot, name="guidance")(strength)
    states = self._linear(c.width, ("norm", "embed"), "text")(text.states)
    there = jnp.ones(tokens.shape[:2], bool)
    shared = Shared(
      vector,
      self._place(jnp.concatenate((text.mask, there), axis=1)),
      self._angles(states.shape[1], H // c.patch, W // c.patch),
    )
    tokens = self._blocks(tokens, states, shared)
    shift, scale = Modulation(2, dot, name="last_modulation")(vector)
    out = self._linear(
      c.patch**2 * c.channels,
      ("embed", "norm"),
      "out",
      kernel_init=nn.initializers.zeros,
    )(modulated_norm(tokens, shift, scale))
    return from_patches(out, c.patch, height=H, width=W)

  def _blocks(
    self, tokens: jax.Array, states: jax.Array, shared: Shared
  ) -> jax.Array:
    c = self.config
    sizes = BlockSizes(c.heads, c.feed_forward, self.dot_general, c.lora)
    # Where no single blocks follow, nobody reads the last block's texts.
    doubles = c.double_layers - (not c.single_layers)
    if doubles:
      depth = Depth(doubles, c.remat, c.unroll)
      stack = stacked(DoubleBlock, depth, (nn.broadcast,))
      blocks = stack(sizes, name="double")
      (tokens, states), _ = blocks((tokens, states), shared)
    if not c.single_layers:
      last = LastDoubleBlock(sizes, name="last")
      return last(tokens, states, shared)
    depth = Depth(c.single_layers, c.remat, c.unroll)
    stack = stacked(SingleBlock, depth, (nn.broadcast,))
    both = jnp.concatenate((states, tokens), axis=1)
    both, _ = stack(sizes, name="single")(both, shared)
    return both[:, states.shape[1] :]

  def _place(self, there: jax.Array) -> jax.Array | Kernel:
    c = self.config
    place = choose_attention(
      two_way_mask(there, Blocks(there.shape[1])),
      c.attention,
      head_size=c.width // c.heads,
      dot_general=self.dot_general,
    )
    # The same for all rows of scores: an array of one is enough.
    return there[:, None] if isinstance(place, jax.Array) else place

  def _angles(self, length: int, height: int, width: int) -> jax.Array | None:
    axes = self.config.rotary_axes
    if axes is None:
      return None
    # All tokens of a text stand at (0, 0, 0), the picture is image 0.
    places = jnp.pad(grid_places(height, width), ((length, 0), (1, 0)))
    return axial_angles(places, axes)

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
