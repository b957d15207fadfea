r"""Times of the flow: how training draws them, and the steps of a sampler.

More tokens hide a picture less: at the same `t` the noise of a larger one
averages out. SD3 (arXiv 2403.03206, eq. 23) shifts times toward the noise,

$$ t' = \frac{s t}{1 + (s - 1) t}, \qquad s = \sqrt{m / n} $$

for `m` tokens where `n` needed no shift. The same shift in training and
sampling is theirs; `s = 1` leaves times as they are.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np


def resolution_shift(tokens: int, *, unshifted: int) -> float:
  """`s = √(m / n)` for `m` tokens, where `n` tokens need no shift."""
  return math.sqrt(tokens / unshifted)


def shift_times(t: jax.Array, shift: float) -> jax.Array:
  """`s t / (1 + (s - 1) t)`; it leaves 0 and 1, and keeps the order."""
  return shift * t / (1 + (shift - 1) * t)


@dataclasses.dataclass(frozen=True)
class LogitNormal:
  """`t = σ(z)`, `z ~ N(mean, std²)`, shifted (SD3, eq. 19).

  The middle of the path is hardest, and it is drawn most: SD3's best of 61
  ways to draw times has mean 0 and standard deviation 1.

  Attributes:
    mean: more is noisier.
    std: the standard deviation of the logit.
    shift: `s`.
  """

  mean: float = 0.0
  std: float = 1.0
  shift: float = 1.0

  def __post_init__(self):
    if self.std <= 0 or self.shift <= 0:
      raise ValueError(
        f"std ({self.std}) and shift ({self.shift}) must be above 0."
      )

  def sample(self, key: jax.Array, rows: int) -> jax.Array:
    """`[rows]` times in (0, 1)."""
    z = jax.random.normal(key, (rows,))
    return shift_times(jax.nn.sigmoid(self.mean + self.std * z), self.shift)


def time_grid(steps: int, *, shift: float = 1.0) -> jax.Array:
  """`[steps + 1]` times from 1 down to 0, evenly spaced before the shift.

  Raises:
    ValueError: fewer than one step, or a shift that is not above 0.
  """
  if steps < 1 or shift <= 0:
    raise ValueError(
      f"steps ({steps}) must be at least 1 and shift ({shift}) above 0."
    )
  t = np.linspace(1.0, 0.0, steps + 1)
  return jnp.asarray(shift * t / (1 + (shift - 1) * t), jnp.float32)
