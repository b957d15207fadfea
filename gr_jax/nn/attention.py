"""Grouped-query attention, over a sequence or over beams that share a prompt.

Softmax and both products of attention run in float32; the four projections use
the injected product. The cache is an argument and a result:

  * over a sequence, the keys and values of every position are returned;
  * over the next positions of a sequence, they are written into its cache;
  * over beams, `M` beams stand at one position each. They read the prompt's
    cache `[B, S, K, h]` once, shared by all, and their own short past
    `[B, M, L, K, h]`, into which the present position is written.
"""

from collections.abc import Callable
from typing import Protocol

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.nn.layers import DotGeneral, Dropout, Linear, Lora
from gr_jax.nn.rotary import RopeScaling, rotate

Drop = Callable[[jax.Array], jax.Array]
"""Sets some of the weights of attention to zero, in training."""


@struct.dataclass
class KeyValues:
  """Keys and values `[..., K, h]` of one or of all layers."""

  keys: jax.Array
  values: jax.Array

  def select(self, parents: jax.Array) -> "KeyValues":
    """Of `[layers, B, M, L, K, h]` those of the beams `parents` `[B, M']`."""
    index = parents[None, :, :, None, None, None]
    return jax.tree.map(lambda x: jnp.take_along_axis(x, index, axis=2), self)


@struct.dataclass
class BeamCache:
  """The keys that beams attend to: a shared prompt, and each beam's past.

  Attributes:
    prompt: `[B, S, K, h]`, with a leading layer axis outside the layer scan.
    own: `[B, M, L, K, h]`; slots from the present level on are not read.
  """

  prompt: KeyValues
  own: KeyValues


@struct.dataclass
class BeamPlace:
  """Where beams stand: the same for every layer.

  Attributes:
    prompt_mask: `[B, S]`, True = keep.
    slot: the own slot that the present position fills.
  """

  prompt_mask: jax.Array
  slot: int = struct.field(pytree_node=False)


@struct.dataclass
class NextPlace:
  """Where the next `T` positions of a sequence stand, in a cache of `S` slots.

  Attributes:
    mask: `[B, T, S]`, True = keep; the positions' own slots are among them.
    start: the slot of the first of them, an integer that may be traced.
  """

  mask: jax.Array
  start: jax.Array


class Kernel(Protocol):
  """A mask in the form that an accelerator's kernel has for it."""

  def attend(self, queries: jax.Array, cached: KeyValues) -> jax.Array:
    """`attend` of the plain form, under the mask of the kernel."""
    ...


Place = jax.Array | Kernel | NextPlace | BeamPlace
"""A mask `[B, T, T]` of a sequence or the kernel that has it, or where its next
positions or beams are.
"""


def _masked_softmax(scores: jax.Array, mask: jax.Array) -> jax.Array:
  # A row that sees nothing (padding) gives a uniform row, never NaN.
  return jax.nn.softmax(jnp.where(mask, scores, -1e30), axis=-1)


def attend(
  queries: jax.Array,
  cached: KeyValues,
  mask: jax.Array,
  *,
  drop: Drop = lambda weights: weights,
) -> jax.Array:
  """`softmax(q kᵀ / √h) v` with `H / K` query heads to one key head.

  Args:
    queries: `[B, T, H, h]`.
    cached: keys and values `[B, S, K, h]`.
    mask: `[B, T, S]`, True = keep.
    drop: applied to the weights `[B, K, H / K T, S]`.

  Returns:
    `[B, T, H h]`.
  """
  B, T, H, h = queries.shape
  K = cached.keys.shape[2]
  # Query heads of one key head stack along time: one batched product each. All
  # arrays have heads before positions and four axes: that spares XLA on CPU the
  # transposed copies of the backward pass.
  q = queries.reshape(B, T, K, H // K, h).transpose(0, 2, 3, 1, 4)
  q = q.reshape(B, K, H // K * T, h) * h**-0.5
  keys, values = (x.transpose(0, 2, 1, 3) for x in (cached.keys, cached.values))
  mask = jnp.tile(mask, (1, H // K, 1))[:, None]
  scores = jnp.einsum("bkth,bksh->bkts", q, keys)
  weights = drop(_masked_softmax(scores, mask))
  out = jnp.einsum("bkts,bksh->bkth", weights, values)
  out = out.reshape(B, K, H // K, T, h).transpose(0, 3, 1, 2, 4)
  return out.reshape(B, T, H * h)


def attend_from_beams(
  queries: jax.Array, cache: BeamCache, place: BeamPlace
) -> jax.Array:
  """Attention of `M` beams to one prompt and to their own `slot + 1` codes.

  Args:
    queries: `[B, M, H, h]`.
    cache: the cache of one layer, the present keys and values already written.
    place: the prompt's mask and the present slot.

  Returns:
    `[B, M, H h]`.
  """
  B, M, H, h = queries.shape
  S, K = cache.prompt.keys.shape[1:3]
  G, seen = H // K, place.slot + 1
  q = queries.reshape(B, M, K, G, h) * h**-0.5
  # As in `attend`: the prompt's keys meet all beams in one product each.
  stacked = q.transpose(0, 2, 3, 1, 4).reshape(B, K, G * M, h)
  to_prompt = jnp.einsum("bkth,bskh->bkts", stacked, cache.prompt.keys)
  to_own = jnp.einsum("bmkgh,bmlkh->bkgml", q, cache.own.keys[:, :, :seen])
  mask = jnp.pad(place.prompt_mask, ((0, 0), (0, seen)), constant_values=True)
  weights = _masked_softmax(
    jnp.concatenate((to_prompt.reshape(B, K, G, M, S), to_own), axis=-1),
    mask[:, None, None, None],
  )
  of_prompt = weights[..., :S].reshape(B, K, G * M, S)
  out = jnp.einsum("bkts,bskh->bkth", of_prompt, cache.prompt.values)
  out = out.reshape(B, K, G, M, h).transpose(0, 3, 1, 2, 4)
  out += jnp.einsum(
    "bkgml,bmlkh->bmkgh", weights[..., S:], cache.own.values[:, :, :seen]
  )
  return out.reshape(B, M, H * h)


class Attention(nn.Module):
  """Qwen2's attention, and Llama's: rotary positions, no output bias.

  Attributes:
    heads: query heads `H`.
    kv_heads: key and value heads `K`.
    head_size: `h`.
    rope_theta: base of the rotary wavelengths.
    dot_general: the product of the projections.
    dropout: the share of the weights that training sets to zero.
    qkv_bias: biases on q, k and v, as in Qwen2.
    rope_scaling: a change of the wavelengths; None without.
    lora: a low-rank change of the projections; None without.
  """

  heads: int
  kv_heads: int
  head_size: int
  rope_theta: float
  dot_general: DotGeneral = jax.lax.dot_general
  dropout: float = 0.0
  qkv_bias: bool = True
  rope_scaling: RopeScaling | None = None
  lora: Lora | None = None

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    positions: jax.Array,
    place: Place,
    cache: KeyValues | BeamCache | None = None,
  ) -> tuple[jax.Array, KeyValues]:
    """Over a sequence, over its next positions, or over beams.

    Args:
      x: `[B, T, D]`; the `T` axis holds the beams of a `BeamPlace`.
      positions: `[B, T]`.
      place: a mask `[B, T, T]` or its kernel, or the place of next positions or
        of beams.
      cache: the cache of this layer: `KeyValues` `[B, S, K, h]` of a
        `NextPlace`, a `BeamCache` of a `BeamPlace`.

    Returns:
      `[B, T, D]`, and the sequence's keys and values `[B, T, K, h]`, or the
      cache or the beams' own past with the present written.
    """
    H, K, h = self.heads, self.kv_heads, self.head_size
    projected = Linear(
      (H + 2 * K) * h,
      ("embed", "heads"),
      use_bias=self.qkv_bias,
      dot_general=self.dot_general,
      lora=self.lora,
      name="qkv",
    )(x)
    projected = projected.reshape(*x.shape[:-1], H + 2 * K, h)
    rotated = rotate(
      projected[:, :, : H + K],
      positions,
      theta=self.rope_theta,
      scaling=self.rope_scaling,
    )
    q = rotated[:, :, :H]
    present = KeyValues(rotated[:, :, H:], projected[:, :, H + K :])
    drop = Dropout(self.dropout)
    if isinstance(place, BeamPlace):
      assert isinstance(cache, BeamCache)
      kept = jax.tree.map(
        lambda own, new: own.at[:, :, place.slot].set(new), cache.own, present
      )
      out = attend_from_beams(q, BeamCache(cache.prompt, kept), place)
    elif isinstance(place, NextPlace):
      assert isinstance(cache, KeyValues)
      kept = jax.tree.map(
        lambda old, new: jax.lax.dynamic_update_slice_in_dim(
          old, new, place.start, axis=1
        ),
        cache,
        present,
      )
      out = attend(q, kept, place.mask, drop=drop)
    elif isinstance(place, jax.Array):
      out, kept = attend(q, present, place, drop=drop), present
    else:
      out, kept = place.attend(q, present), present
    out = Linear(
      x.shape[-1],
      ("heads", "embed"),
      dot_general=self.dot_general,
      kernel_init=nn.initializers.zeros,
      lora=self.lora,
      name="out",
    )(out)
    return out, kept
