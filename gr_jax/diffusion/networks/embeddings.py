r"""Times and places as vectors.

A number `p` becomes cosines and sines of `p ω_i`, `ω_i = 10000^{-2i/n}`
(Vaswani et al. 2017; DiT, arXiv 2212.09748, has them for time and for place).
Times are multiplied by 1000 first, as in SD3, FLUX and SANA: near times would
look alike otherwise.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral, Linear
from gr_jax.nn.rotary import frequencies

SINUSOIDS = 256  # Numbers of a time, in all three networks.


def sinusoids(values: jax.Array, size: int) -> jax.Array:
  """Cosines, then sines of `[...]` numbers: `[..., size]`, `size` even."""
  angles = values[..., None] * frequencies(size // 2, theta=10_000.0)
  return jnp.concatenate((jnp.cos(angles), jnp.sin(angles)), axis=-1)


def grid_places(height: int, width: int) -> np.ndarray:
  """Rows and columns `[height width, 2]` of the tokens of a picture."""
  rows, columns = np.meshgrid(
    np.arange(height), np.arange(width), indexing="ij"
  )
  return np.stack((rows.ravel(), columns.ravel()), axis=-1)


def grid_sinusoids(height: int, width: int, size: int) -> jax.Array:
  """Fixed positions `[height width, size]`, half of rows, half of columns.

  `size` is a multiple of 4.
  """
  places = jnp.asarray(grid_places(height, width), jnp.float32)
  return jnp.concatenate(
    [sinusoids(places[:, axis], size // 2) for axis in (0, 1)], axis=-1
  )


class VectorEmbedding(nn.Module):
  """`W_2 silu(W_1 v + b_1) + b_2`: `[B, n]` to `[B, width]`."""

  width: int
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, vectors: jax.Array) -> jax.Array:
    hidden = Linear(
      self.width,
      ("norm", "mlp"),
      use_bias=True,
      dot_general=self.dot_general,
      name="in",
    )(vectors)
    return Linear(
      self.width,
      ("mlp", "embed"),
      use_bias=True,
      dot_general=self.dot_general,
      name="out",
    )(nn.silu(hidden))


class TimeEmbedding(nn.Module):
  """The vector `[B, width]` of times `[B]` in [0, 1]."""

  width: int
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, t: jax.Array) -> jax.Array:
    embed = VectorEmbedding(self.width, self.dot_general, name="mlp")
    return embed(sinusoids(1000.0 * t, SINUSOIDS))
