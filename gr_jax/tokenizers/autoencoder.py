"""The MLP encoder and decoder around a quantized latent."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gr_jax.nn import dot

Params = Any


class Mlp(nn.Module):
  """Dense layers with ReLU between them: `[B, D]` to `[B, widths[-1]]`."""

  widths: tuple[int, ...]
  dot_general: Callable[..., jax.Array] = dot.bf16_dot_general

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    for width in self.widths[:-1]:
      x = nn.relu(nn.Dense(width, dot_general=self.dot_general)(x))
    return nn.Dense(self.widths[-1], dot_general=self.dot_general)(x)


class Autoencoder(nn.Module):
  """`x [B, D] -> z [B, latent] -> x^ [B, D]`; the decoder mirrors the encoder.

  Attributes:
    features: D.
    hidden: widths from the input towards the latent.
    latent: width of z.
    dot_general: the product of every layer.
  """

  features: int
  hidden: tuple[int, ...]
  latent: int
  dot_general: Callable[..., jax.Array] = dot.bf16_dot_general

  def setup(self):
    self.encoder = Mlp((*self.hidden, self.latent), self.dot_general)
    self.decoder = Mlp((*self.hidden[::-1], self.features), self.dot_general)

  def encode(self, x: jax.Array) -> jax.Array:
    return self.encoder(x)

  def decode(self, z: jax.Array) -> jax.Array:
    return self.decoder(z)

  def __call__(self, x: jax.Array) -> jax.Array:
    return self.decode(self.encode(x))


def init_params(model: Autoencoder, key: jax.Array) -> Params:
  """Parameters `{"encoder": ..., "decoder": ...}`, made in one jitted call."""
  row = jnp.zeros((1, model.features))
  return jax.jit(model.init)(key, row)["params"]
