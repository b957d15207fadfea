"""Rotary position embedding, halves paired as in Qwen2 and Llama."""

import dataclasses
import math

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class RopeScaling:
  """Llama 3.1's stretch of the long wavelengths (arXiv 2407.21783).

  With the wavelength `λ = 2π / ω` and the length `P` that was trained first,

    ω                       where λ < P / high,
    ω / factor              where λ > P / low,
    (1 - s) ω / factor + s ω    between, s = (P / λ - low) / (high - low).

  The formula is that of Llama's reference code; the paper has none.

  Attributes:
    factor: how many times longer the texts are.
    low_freq_factor: `low`.
    high_freq_factor: `high`, above `low`.
    original_max_position_embeddings: `P`.
  """

  factor: float
  low_freq_factor: float
  high_freq_factor: float
  original_max_position_embeddings: int

  def __post_init__(self):
    if self.high_freq_factor <= self.low_freq_factor:
      raise ValueError(
        f"high_freq_factor ({self.high_freq_factor}) must be above "
        f"low_freq_factor ({self.low_freq_factor})."
      )


def frequencies(
  half: int, *, theta: float, scaling: RopeScaling | None = None
) -> jax.Array:
  """`ω_i = θ^(-2i/h)` `[half]` in radians per position, scaled by `scaling`."""
  plain = theta ** (-jnp.arange(half, dtype=jnp.float32) / half)
  if scaling is None:
    return plain
  low, high = scaling.low_freq_factor, scaling.high_freq_factor
  turns = scaling.original_max_position_embeddings * plain / (2 * math.pi)
  smooth = jnp.clip((turns - low) / (high - low), 0, 1)
  return (1 - smooth) * plain / scaling.factor + smooth * plain


def rotate(
  x: jax.Array,
  positions: jax.Array,
  *,
  theta: float,
  scaling: RopeScaling | None = None,
) -> jax.Array:
  """Rotary position embedding (Su 2021).

  `y = x ⊙ cos(p ω) + rotate_half(x) ⊙ sin(p ω)`.

  Args:
    x: `[B, T, H, h]`.
    positions: integers `[B, T]`.
    theta: base of the wavelengths.
    scaling: a change of the wavelengths; None without.
  """
  half = x.shape[-1] // 2
  angles = positions[..., None, None].astype(jnp.float32) * frequencies(
    half, theta=theta, scaling=scaling
  )
  # Both tables leave through a product that repeats the halves. Without it XLA
  # computes sine and cosine anew for every head, a tenth of a search on CPU.
  repeat = jnp.concatenate((jnp.eye(half), jnp.eye(half)), axis=1)
  turn = jnp.concatenate((-jnp.eye(half), jnp.eye(half)), axis=1)
  exact = jax.lax.Precision.HIGHEST
  cos = jnp.matmul(jnp.cos(angles), repeat, precision=exact)
  sin = jnp.matmul(jnp.sin(angles), turn, precision=exact)
  first, second = jnp.split(x, 2, axis=-1)
  return x * cos + jnp.concatenate((second, first), axis=-1) * sin
