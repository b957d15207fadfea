"""An encoder and a decoder in the T5 arrangement, layers stacked by a scan.

What differs from T5: SwiGLU in place of ReLU or gated GELU, output projections
that start at zero, and the choices of `biased_attention`. RMSNorm
before every part, without biases, is T5's own.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.attention import Kernel, KeyValues
from gr_jax.nn.attention_choice import choose_attention
from gr_jax.nn.attention_mask import AttentionMask
from gr_jax.nn.biased_attention import BiasedAttention, CrossAttention
from gr_jax.nn.layers import DotGeneral, Dropout, RMSNorm, SwiGLU
from gr_jax.nn.relative_bias import (
  RelativeBias,
  distance_buckets,
  offset_buckets,
)
from gr_jax.nn.transformer import TransformerConfig, stacked
from gr_jax.parallel.constraints import split_states


class EncoderBlock(nn.Module):
  """`x += attention(norm(x)); x += swiglu(norm(x))`, both ways."""

  config: TransformerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self, x: jax.Array, mask: jax.Array | Kernel, bias: jax.Array
  ) -> tuple[jax.Array, None]:
    c = self.config
    x = split_states(x, positions=True)
    attended, _ = BiasedAttention(
      c.heads,
      c.kv_heads,
      c.head_size,
      self.dot_general,
      c.dropout,
      name="attention",
    )(RMSNorm(name="attention_norm")(x), None, mask, bias)
    x = x + Dropout(c.dropout)(attended)
    added = SwiGLU(c.feed_forward, self.dot_general, name="mlp")(
      RMSNorm(name="mlp_norm")(x)
    )
    return x + Dropout(c.dropout)(added), None


class DecoderBlock(nn.Module):
  """Attention to the own past, to the encoder, then SwiGLU."""

  config: TransformerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    past: KeyValues | None,
    memory: KeyValues,
    memory_mask: jax.Array | Kernel,
    bias: jax.Array,
  ) -> tuple[jax.Array, KeyValues]:
    """One layer for `P` sequences a row; see `Decoder`."""
    c = self.config
    x = split_states(x)
    B, P, T, D = x.shape
    rows = jax.tree.map(lambda a: a.reshape(B * P, *a.shape[2:]), (x, past))
    S = bias.shape[-1]
    causal = jnp.tril(jnp.ones((T, S), bool), k=S - T)
    attended, kept = BiasedAttention(
      c.heads,
      c.kv_heads,
      c.head_size,
      self.dot_general,
      c.dropout,
      name="attention",
    )(RMSNorm(name="attention_norm")(rows[0]), rows[1], causal[None], bias)
    x = x + Dropout(c.dropout)(attended).reshape(x.shape)
    read = CrossAttention(
      c.heads, c.head_size, self.dot_general, c.dropout, name="cross"
    )(
      RMSNorm(name="cross_norm")(x.reshape(B, P * T, D)),
      memory,
      memory_mask,
    )
    x = x + Dropout(c.dropout)(read).reshape(x.shape)
    added = SwiGLU(c.feed_forward, self.dot_general, name="mlp")(
      RMSNorm(name="mlp_norm")(x)
    )
    x = x + Dropout(c.dropout)(added)
    return x, jax.tree.map(lambda a: a.reshape(B, P, *a.shape[1:]), kept)


class Encoder(nn.Module):
  """All blocks and the last norm."""

  config: TransformerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self, x: jax.Array, positions: jax.Array, mask: AttentionMask | jax.Array
  ) -> jax.Array:
    """Normed states `[B, T, D]`.

    Args:
      x: `[B, T, D]`.
      positions: `[T]`, of all rows.
      mask: who reads whom, a rule or an array `[B, T, T]`.
    """
    x = Dropout(self.config.dropout)(x)
    offsets = positions - positions[:, None]
    bias = RelativeBias(self.config.heads, name="bias")(offset_buckets(offsets))
    place = mask
    if isinstance(mask, AttentionMask):
      place = _chosen(mask, self, bias=bias)
    stack = stacked(EncoderBlock, self.config, (nn.broadcast, nn.broadcast))
    blocks = stack(self.config, self.dot_general, name="blocks")
    x, _ = blocks(x, place, bias)
    x = split_states(x, positions=True)
    return RMSNorm(name="norm")(x)


class Decoder(nn.Module):
  """All blocks and the last norm, over `P` sequences that share a memory."""

  config: TransformerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    past: KeyValues | None,
    memory: KeyValues,
    memory_mask: AttentionMask | jax.Array,
  ) -> tuple[jax.Array, KeyValues]:
    """Reads the `T` next positions of every sequence.

    Args:
      x: `[B, P, T, D]`.
      past: keys and values `[layers, B, P, t, K, h]` of `t` positions before;
        None where the sequences begin.
      memory: `[layers, B, S, K, h]` from `MemoryKeys`.
      memory_mask: what each position reads of it, a rule with `P T` rows or an
        array `[B, P, S]`.

    Returns:
      Normed states `[B, P, T, D]` and the keys and values of all `t + T`.
    """
    x = Dropout(self.config.dropout)(x)
    before = 0 if past is None else past.keys.shape[3]
    all_places = jnp.arange(before + x.shape[2])
    behind = jnp.maximum(all_places[before:, None] - all_places, 0)
    bias = RelativeBias(self.config.heads, name="bias")(
      distance_buckets(behind)
    )
    stack = stacked(
      DecoderBlock, self.config, (0, 0, nn.broadcast, nn.broadcast)
    )
    blocks = stack(self.config, self.dot_general, name="blocks")
    if isinstance(memory_mask, AttentionMask):
      reads = _chosen(memory_mask, self)
    else:
      reads = jnp.repeat(memory_mask, x.shape[2], axis=1)
    x, kept = blocks(x, past, memory, reads, bias)
    x = split_states(x)
    return RMSNorm(name="norm")(x), kept


def _chosen(
  mask: AttentionMask,
  stack: Encoder | Decoder,
  *,
  bias: jax.Array | None = None,
) -> jax.Array | Kernel:
  """The kernel of a mask or its array, once for all layers of a stack."""
  c = stack.config
  return choose_attention(
    mask,
    c.attention,
    head_size=c.head_size,
    dot_general=stack.dot_general,
    bias=bias,
    dropped=c.dropout > 0 and stack.has_rng("dropout"),
  )
