"""A generator whose log-probabilities are a hash of the whole prefix.

Twins in JAX (`prefill`, `decode_step`) and numpy (`next_log_probs`). The values
are negative multiples of 1/4096, so that sums are exact in float32 and both
agree to the bit. `params` is how many values they take: few make many ties.
They are not normalised, which the search does not ask for. The state of a beam
lives in the cache, so that a search that mixes up parents gets other numbers. A
code out of range makes all of a step NaN.
"""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np


def _mix(x):
  x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
  x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
  return x ^ (x >> 16)


def _log_probs(state, columns: int, values):
  cells = _mix(state[..., None] ^ (np.arange(columns, dtype=np.uint32) * 97))
  return ((cells >> 8) % values + 1) / np.float32(-4096)


def _after(state, codes):
  return _mix(state + codes.astype(np.uint32) * np.uint32(31) + np.uint32(7))


@dataclasses.dataclass(frozen=True)
class HashedGenerator:
  """`level_sizes` codes, then END from the second level on if `has_ends`."""

  level_sizes: tuple[int, ...]
  has_ends: bool

  def columns(self, level: int) -> int:
    return self.level_sizes[level] + (self.has_ends and level > 0)

  def prefill(self, params, prompt):
    """`prompt` `[B]` uint32: one seed per request; `params` uint32, `[]`."""
    log_probs = _log_probs(_mix(prompt), self.columns(0), params)
    return log_probs, _mix(prompt)[:, None]

  def decode_step(self, params, codes, parents, cache, *, level):
    state = _after(jnp.take_along_axis(cache, parents, axis=1), codes)
    log_probs = _log_probs(state, self.columns(level), params)
    legal = (codes >= 0) & (codes < self.level_sizes[level - 1])
    return jnp.where(legal.all(), log_probs, jnp.nan), state

  def next_log_probs(self, params, seed: int) -> Callable[[tuple], np.ndarray]:
    """The function from a prefix to the `[columns]` of its next code."""

    def after(prefix):
      state = _mix(np.array([seed], np.uint32))
      for code in prefix:
        state = _after(state, np.array([code]))
      return _log_probs(state, self.columns(len(prefix)), params)[0]

    return after
