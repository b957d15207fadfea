"""Blocks in which pictures and texts attend to each other (MM-DiT, FLUX).

In a double block each stream has weights of its own, and one attention reads
the tokens of both (SD3, arXiv 2403.03206, figure 2):

  q, k, v = heads(adaptive_norm(x)) of either stream, q and k normed
  x += gate_1 W attention(q, k, v);  x += gate_2 mlp(adaptive_norm(x))

In a single block (FLUX) the streams are one sequence, and attention and MLP
stand side by side:

  x += gate W [attention(q, k, v), gelu(m)],  [q, k, v, m] = V adaptive_norm(x)
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.diffusion.networks.axial_rotary import rotate_by
from gr_jax.diffusion.networks.modulation import Modulation, modulated_norm
from gr_jax.nn.attention import Kernel, KeyValues, attend
from gr_jax.nn.layers import DotGeneral, Linear, Lora, RMSNorm
from gr_jax.parallel.constraints import split_states


class Heads(NamedTuple):
  """Queries, keys and values `[B, T, H, h]`."""

  queries: jax.Array
  keys: jax.Array
  values: jax.Array


class Shared(NamedTuple):
  """What all blocks read.

  Attributes:
    vector: `[B, D]` of the time and the whole text.
    place: the mask `[B, 1, S + T]`, True = attend to it, or the kernel that has
      it; texts stand before pictures.
    angles: rotary angles `[S + T, h / 2]`, or None.
  """

  vector: jax.Array
  place: jax.Array | Kernel
  angles: jax.Array | None


def attend_jointly(heads: Heads, shared: Shared) -> jax.Array:
  """Attention of a sequence to itself: `[B, T, H h]`."""
  q, k, v = heads
  if shared.angles is not None:
    q, k = (rotate_by(x, shared.angles) for x in (q, k))
  if isinstance(shared.place, jax.Array):
    return attend(q, KeyValues(k, v), shared.place)
  return shared.place.attend(q, KeyValues(k, v))


class NormedHeads(nn.Module):
  """The heads of `[B, T, 3 D]` products; RMS norms of queries and keys."""

  heads: int

  @nn.compact
  def __call__(self, qkv: jax.Array) -> Heads:
    B, T, wide = qkv.shape
    qkv = qkv.reshape(B, T, 3, self.heads, wide // 3 // self.heads)
    q = RMSNorm(name="q_norm")(qkv[:, :, 0])
    k = RMSNorm(name="k_norm")(qkv[:, :, 1])
    return Heads(q, k, qkv[:, :, 2])


class BlockSizes(NamedTuple):
  """What the parts of a block have in common."""

  heads: int
  feed_forward: int
  dot_general: DotGeneral = jax.lax.dot_general
  lora: Lora | None = None

  def linear(self, features: int, axes: tuple[str, str], **kwargs) -> Linear:
    """A layer with biases."""
    return Linear(
      features,
      axes,
      use_bias=True,
      dot_general=self.dot_general,
      lora=self.lora,
      **kwargs,
    )


class Stream(nn.Module):
  """One of the two streams of a double block."""

  sizes: BlockSizes
  width: int

  def setup(self):
    s, D = self.sizes, self.width
    self.modulation = Modulation(6, s.dot_general, s.lora)
    self.qkv = s.linear(3 * D, ("embed", "heads"))
    self.heads = NormedHeads(s.heads)
    self.out = s.linear(D, ("heads", "embed"))
    self.mlp_in = s.linear(s.feed_forward, ("embed", "mlp"))
    self.mlp_out = s.linear(D, ("mlp", "embed"))

  def project(
    self, x: jax.Array, vector: jax.Array
  ) -> tuple[Heads, list[jax.Array]]:
    """The heads of `[B, T, D]`, and what `update` takes of the vector."""
    shift, scale, *rest = self.modulation(vector)
    return self.heads(self.qkv(modulated_norm(x, shift, scale))), rest

  def update(
    self, x: jax.Array, attended: jax.Array, rest: list[jax.Array]
  ) -> jax.Array:
    """`[B, T, D]` after attention `[B, T, H h]` and MLP."""
    gate_1, shift, scale, gate_2 = rest
    x = x + gate_1[:, None] * self.out(attended)
    hidden = nn.gelu(self.mlp_in(modulated_norm(x, shift, scale)))
    return x + gate_2[:, None] * self.mlp_out(hidden)


class LastTextStream(nn.Module):
  """The texts of the last block of all: they are read, and then done with."""

  sizes: BlockSizes

  @nn.compact
  def __call__(self, x: jax.Array, vector: jax.Array) -> Heads:
    s = self.sizes
    shift, scale = Modulation(2, s.dot_general, s.lora, name="modulation")(
      vector
    )
    qkv = s.linear(3 * x.shape[-1], ("embed", "heads"), name="qkv")
    found = qkv(modulated_norm(x, shift, scale))
    return NormedHeads(s.heads, name="heads")(found)


def _side_by_side(text: Heads, picture: Heads) -> Heads:
  return Heads(*(jnp.concatenate(pair, axis=1) for pair in zip(text, picture)))


class DoubleBlock(nn.Module):
  """Two streams, one attention."""

  sizes: BlockSizes

  @nn.compact
  def __call__(
    self, streams: tuple[jax.Array, jax.Array], shared: Shared
  ) -> tuple[tuple[jax.Array, jax.Array], None]:
    """Pictures `[B, T, D]` and texts `[B, S, D]` after the block."""
    x, text = map(split_states, streams)
    S = text.shape[1]
    own, other = (
      Stream(self.sizes, x.shape[-1], name=name) for name in ("picture", "text")
    )
    heads, rest = own.project(x, shared.vector)
    text_heads, text_rest = other.project(text, shared.vector)
    attended = attend_jointly(_side_by_side(text_heads, heads), shared)
    x = own.update(x, attended[:, S:], rest)
    return (x, other.update(text, attended[:, :S], text_rest)), None


class LastDoubleBlock(nn.Module):
  """A double block whose texts are not updated: nothing reads them after it."""

  sizes: BlockSizes

  @nn.compact
  def __call__(
    self, x: jax.Array, text: jax.Array, shared: Shared
  ) -> jax.Array:
    """Pictures `[B, T, D]` after the block."""
    x, text = split_states(x), split_states(text)
    own = Stream(self.sizes, x.shape[-1], name="picture")
    heads, rest = own.project(x, shared.vector)
    text_heads = LastTextStream(self.sizes, name="text")(text, shared.vector)
    attended = attend_jointly(_side_by_side(text_heads, heads), shared)
    return own.update(x, attended[:, text.shape[1] :], rest)


class SingleBlock(nn.Module):
  """One stream; attention and MLP side by side."""

  sizes: BlockSizes

  @nn.compact
  def __call__(self, x: jax.Array, shared: Shared) -> tuple[jax.Array, None]:
    """Texts and pictures `[B, S + T, D]` after the block."""
    s, D = self.sizes, x.shape[-1]
    x = split_states(x)
    shift, scale, gate = Modulation(
      3, s.dot_general, s.lora, name="modulation"
    )(shared.vector)
    wide = s.linear(3 * D + s.feed_forward, ("embed", "mlp"), name="in")(
      modulated_norm(x, shift, scale)
    )
    heads = NormedHeads(s.heads, name="heads")(wide[..., : 3 * D])
    attended = attend_jointly(heads, shared)
    both = jnp.concatenate((attended, nn.gelu(wide[..., 3 * D :])), axis=-1)
    out = s.linear(D, ("mlp", "embed"), name="out")(both)
    return x + gate[:, None] * out, None
