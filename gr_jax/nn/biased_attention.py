"""T5's two kinds of attention: to one's own sequence, and to what was encoded.

No rotary angles and no biases on the projections; positions are given by a
number that is added to the scores (`relative_bias`), inside a sequence only.
What differs from T5: scores are divided by `√h`, which T5 leaves to its initial
values, several query heads may share a key head, and softmax and products run
in float32. The cache is an argument and a result.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.attention import Drop, Kernel, KeyValues, attend
from gr_jax.nn.layers import DotGeneral, Dropout, Linear


def attend_with_bias(
  queries: jax.Array,
  cached: KeyValues,
  mask: jax.Array,
  bias: jax.Array,
  *,
  drop: Drop = lambda weights: weights,
) -> jax.Array:
  """`softmax(q kᵀ / √h + b) v` with `H / K` query heads to one key head.

  Args:
    queries: `[B, T, H, h]`.
    cached: keys and values `[B, S, K, h]`.
    mask: `[B, T, S]` or `[1, T, S]`, True = keep.
    bias: `[H, T, S]`.
    drop: applied to the weights `[B, H, T, S]`.

  Returns:
    `[B, T, H h]`.
  """
  B, T, H, h = queries.shape
  S, K = cached.keys.shape[1:3]
  # As in `attend`: query heads of one key head stack along time.
  q = queries.reshape(B, T, K, H // K, h).transpose(0, 2, 3, 1, 4)
  q = q.reshape(B, K, H // K * T, h) * h**-0.5
  scores = jnp.einsum("bkth,bskh->bkts", q, cached.keys)
  scores = scores.reshape(B, H, T, S) + bias
  # A row that sees nothing (padding) gives a uniform row, never NaN.
  weights = jax.nn.softmax(jnp.where(mask[:, None], scores, -1e30), axis=-1)
  weights = drop(weights).reshape(B, K, H // K * T, S)
  out = jnp.einsum("bkts,bskh->bkth", weights, cached.values)
  out = out.reshape(B, K, H // K, T, h).transpose(0, 3, 1, 2, 4)
  return out.reshape(B, T, H * h)


class BiasedAttention(nn.Module):
  """Attention of a sequence to its past and to itself."""

  heads: int
  kv_heads: int
  head_size: int
  dot_general: DotGeneral = jax.lax.dot_general
  dropout: float = 0.0

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    past: KeyValues | None,
    mask: jax.Array | Kernel,
    bias: jax.Array,
  ) -> tuple[jax.Array, KeyValues]:
    """Reads `S` positions: those of the past, then its own `T`.

    Args:
      x: `[B, T, D]`.
      past: `[B, S - T, K, h]`, or None where the sequence begins.
      mask: `[B, T, S]` or `[1, T, S]`, or a kernel that has it and the bias.
      bias: `[H, T, S]`.

    Returns:
      `[B, T, D]` and the keys and values of all `S`.
    """
    H, K, h = self.heads, self.kv_heads, self.head_size
    projected = Linear(
      (H + 2 * K) * h,
      ("embed", "heads"),
      dot_general=self.dot_general,
      name="qkv",
    )(x).reshape(*x.shape[:-1], H + 2 * K, h)
    kept = KeyValues(projected[:, :, H : H + K], projected[:, :, H + K :])
    if past is not None:
      kept = jax.tree.map(
        lambda old, new: jnp.concatenate((old, new), axis=1), past, kept
      )
    q, drop = projected[:, :, :H], Dropout(self.dropout)
    if isinstance(mask, jax.Array):
      out = attend_with_bias(q, kept, mask, bias, drop=drop)
    else:
      out = mask.attend(q, kept)
    return _back(x, out, self.dot_general), kept


class CrossAttention(nn.Module):
  """Attention to the keys and values of the encoder (`MemoryKeys`)."""

  heads: int
  head_size: int
  dot_general: DotGeneral = jax.lax.dot_general
  dropout: float = 0.0

  @nn.compact
  def __call__(
    self, x: jax.Array, memory: KeyValues, mask: jax.Array | Kernel
  ) -> jax.Array:
    """`[B, T, D]` of `[B, T, D]`, memory `[B, S, K, h]`, mask `[B, T, S]`."""
    q = Linear(
      self.heads * self.head_size,
      ("embed", "heads"),
      dot_general=self.dot_general,
      name="q",
    )(x).reshape(*x.shape[:-1], self.heads, self.head_size)
    if isinstance(mask, jax.Array):
      out = attend(q, memory, mask, drop=Dropout(self.dropout))
    else:
      out = mask.attend(q, memory)
    return _back(x, out, self.dot_general)


class MemoryKeys(nn.Module):
  """Keys and values of the encoder for every decoder layer, in one product."""

  layers: int
  kv_heads: int
  head_size: int
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, encoded: jax.Array) -> KeyValues:
    """Keys and values `[layers, B, S, K, h]` of encoded `[B, S, D]`."""
    both = Linear(
      2 * self.layers * self.kv_heads * self.head_size,
      ("embed", "heads"),
      dot_general=self.dot_general,
      name="kv",
    )(encoded)
    shape = (*encoded.shape[:2], 2, self.layers, self.kv_heads, self.head_size)
    return KeyValues(*both.reshape(shape).transpose(2, 3, 0, 1, 4, 5))


def _back(x: jax.Array, out: jax.Array, dot_general: DotGeneral) -> jax.Array:
  """The last projection, zero at first: a block begins as the identity."""
  return Linear(
    x.shape[-1],
    ("heads", "embed"),
    dot_general=dot_general,
    kernel_init=nn.initializers.zeros,
    name="out",
  )(out)
