"""Adaptive norms: a layer norm whose scale and shift are given by the time.

`y = (1 + scale) LN(x) + shift` (DiT's adaLN, arXiv 2212.09748), where a layer
norm has no parameters of its own.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral, Linear, Lora


def layer_norm(x: jax.Array, *, epsilon: float = 1e-6) -> jax.Array:
  """`(x - mean) / sqrt(variance + ε)` over the last axis, in float32."""
  x = x.astype(jnp.float32)
  x = x - jnp.mean(x, axis=-1, keepdims=True)
  variance = jnp.mean(x * x, axis=-1, keepdims=True)
  return x * jax.lax.rsqrt(variance + epsilon)


def modulated_norm(
  x: jax.Array, shift: jax.Array, scale: jax.Array
) -> jax.Array:
  """`(1 + scale) LN(x) + shift` `[B, T, D]`, the two `[B, D]`."""
  return (1 + scale[:, None]) * layer_norm(x) + shift[:, None]


class Modulation(nn.Module):
  """`parts` vectors `[B, D]` of one: `W silu(c) + b`, zero at first.

  Gates among them are zero too: a block begins as the identity (adaLN-zero).
  """

  parts: int
  dot_general: DotGeneral = jax.lax.dot_general
  lora: Lora | None = None

  @nn.compact
  def __call__(self, vector: jax.Array) -> list[jax.Array]:
    found = Linear(
      self.parts * vector.shape[-1],
      ("embed", "mlp"),
      use_bias=True,
      dot_general=self.dot_general,
      kernel_init=nn.initializers.zeros,
      lora=self.lora,
      name="parts",
    )(nn.silu(vector))
    return jnp.split(found, self.parts, axis=-1)
