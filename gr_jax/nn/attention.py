"""Grouped-query attention, over a sequence or over beams that share a prompt.

Softmax and both products of attention run in float32; the four projections use
the injected product. The cache is an argument and a result:

  * over a sequence, the keys and values of every position are returned;
  * over beams, `M` beams stand at one position each. They read the prompt's
    cache `[B, S, K, h]` once, shared by all, and their own short past
    `[B, M, L, K, h]`, into which the present position is written.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.nn.layers import DotGeneral, Dropout, Linear, rotate

Drop = Callable[[jax.Array], jax.Array]
"""Sets some of the weights of attention to zero, in training."""


@struct.dataclass
class KeyValues:
  """Keys and values `[..., K, h]` of one or of all layers."""

  keys: jax.Array
  values: jax.Array


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
    drop: applied to the weights `[B, K, H / K, T, S]`.

  Returns:
    `[B, T, H h]`.
  """
  B, T, H, h = queries.shape
  K = cached.keys.shape[2]
  # Query heads of one key head stack along time: one batched product each.
  q = queries.reshape(B, T, K, H // K, h).transpose(0, 2, 3, 1, 4)
  q = q.reshape(B, K, H // K * T, h) * h**-0.5
  scores = jnp.einsum("bkth,bskh->bkts", q, cached.keys)
  scores = scores.reshape(B, K, H // K, T, -1)
  weights = drop(_masked_softmax(scores, mask[:, None, None]))
  weights = weights.reshape(B, K, H // K * T, -1)
  out = jnp.einsum("bkts,bskh->bkth", weights, cached.values)
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
  """Qwen2's attention: biases on q, k, v, rotary positions, no output bias."""

  heads: int
  kv_heads: int
  head_size: int
  rope_theta: float
  dot_general: DotGeneral = jax.lax.dot_general
  dropout: float = 0.0

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    positions: jax.Array,
    place: jax.Array | BeamPlace,
    cache: BeamCache | None = None,
  ) -> tuple[jax.Array, KeyValues]:
    """Over a sequence without a `cache`, over beams with one.

    Args:
      x: `[B, T, D]`; the `T` axis holds the beams where a cache is given.
      positions: `[B, T]`.
      place: a mask `[B, T, T]`, or the place of the beams.
      cache: the cache of this layer.

    Returns:
      `[B, T, D]`, and the sequence's keys and values `[B, T, K, h]` or the
      beams' own past with the present written.
    """
    H, K, h = self.heads, self.kv_heads, self.head_size
    projected = Linear(
      (H + 2 * K) * h,
      ("embed", "heads"),
      use_bias=True,
      dot_general=self.dot_general,
      name="qkv",
    )(x)
    projected = projected.reshape(*x.shape[:-1], H + 2 * K, h)
    rotated = rotate(projected[:, :, : H + K], positions, theta=self.rope_theta)
    q = rotated[:, :, :H]
    present = KeyValues(rotated[:, :, H:], projected[:, :, H + K :])
    if not isinstance(place, BeamPlace):
      drop = Dropout(self.dropout)
      out, kept = attend(q, present, place, drop=drop), present
    else:
      assert cache is not None
      kept = jax.tree.map(
        lambda own, new: own.at[:, :, place.slot].set(new), cache.own, present
      )
      out = attend_from_beams(q, BeamCache(cache.prompt, kept), place)
    out = Linear(
      x.shape[-1],
      ("heads", "embed"),
      dot_general=self.dot_general,
      kernel_init=nn.initializers.zeros,
      name="out",
    )(out)
    return out, kept
