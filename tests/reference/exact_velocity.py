"""The exact velocity of mixtures of normal distributions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats


@dataclasses.dataclass(frozen=True)
class Mixture:
  """`x_0 ~ Σ_k w_k N(m_k, s_k²)` in each of any number of dimensions."""

  weights: tuple[float, ...]
  means: tuple[float, ...]
  stds: tuple[float, ...]

  def mean(self, t: float = 0.0) -> float:
    """The mean of `x_t`."""
    return (1 - t) * float(np.dot(self.weights, self.means))

  def variance(self, t: float = 0.0) -> float:
    """The variance of `x_t`."""
    spread = (1 - t) ** 2 * np.square(self.stds) + t**2
    second = np.dot(
      self.weights, spread + ((1 - t) * np.array(self.means)) ** 2
    )
    return float(second) - self.mean(t) ** 2

  def velocity(self, x: jax.Array, t: jax.Array) -> jax.Array:
    """`E[ε - x_0 | x_t = x]` `[B, n]`, one mixture a number."""
    weights, means, stds = (
      jnp.asarray(a) for a in (self.weights, self.means, self.stds)
    )
    t, x = t[:, None, None], x[..., None]
    there = (1 - t) * means
    variance = (1 - t) ** 2 * stds**2 + t**2
    log_density = -0.5 * ((x - there) ** 2 / variance + jnp.log(variance))
    share = jax.nn.softmax(jnp.log(weights) + log_density, axis=-1)
    noise = t * (x - there) / variance
    clean = means + (1 - t) * stds**2 * (x - there) / variance
    return jnp.sum(share * (noise - clean), axis=-1)


def even_normals(count: int) -> jax.Array:
  """`[count, 1]` quantiles of N(0, 1): averages of them have no noise."""
  places = (np.arange(count) + 0.5) / count
  return jnp.asarray(scipy.stats.norm.ppf(places)[:, None], jnp.float32)


TWO = Mixture((0.3, 0.7), (-1.5, 1.0), (0.3, 0.5))
"""Two humps, well apart."""

ONE = Mixture((1.0,), (0.8,), (0.5,))
"""A normal distribution: its velocity is linear."""
