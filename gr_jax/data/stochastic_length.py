r"""Stochastic length: long histories are mostly read in part, in even shares.

With `N` the longest history and `t = floor(N^(a/2))`, a history of `L` events
is read whole where `L <= t`; otherwise

  l = L  with probability  N^a / L²,    l = t  with the rest,

so that attention over all pairs costs at most about `N^a` more than over `t`
events, however long histories are. The `t` events are drawn uniformly without
replacement and keep their order.

What a rank then has to do differs, and all wait for the busiest. The
load-balanced form gives each rank the load that ranks have on average: from
`min(L, t)` of each history lengths grow until their sum is the target, first
those of the histories that the draw above reads whole, then of the others, the
longest first; one grows by part. Ranks are even as long as the target lies
between the sums of `min(L, t)` and of `L`; no history is cut below the first to
reach it.

The more histories a rank has, the surer the target lies there: of lengths that
are log-normal (median 4,000, deviation 1.5, at most 16,384; `a` = 1.5) 16
histories a rank leave 512 ranks a ratio of 1.008, and 64 leave 1.000.

Source: HSTU, arXiv 2402.17152, section 3.3; ULTRA-HSTU, arXiv 2602.16986. How
lengths are chosen under a target, and that the draw comes first, is [OURS]: a
rank is so as close to the published draw as its target allows.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class StochasticLengthConfig:
  """Which histories are cut.

  Attributes:
    longest: `N`, events.
    alpha: `a` in (0, 2]; 2 = nothing is cut.
  """

  longest: int = 16_384
  alpha: float = 1.5

  def __post_init__(self):
    if self.longest < 1:
      raise ValueError(
        f"stochastic_length.longest ({self.longest}) must be at least 1."
      )
    if not 0 < self.alpha <= 2:
      raise ValueError(
        f"stochastic_length.alpha ({self.alpha}) must be in (0, 2]."
      )

  @property
  def threshold(self) -> int:
    """`t`, events."""
    # Powers of whole numbers are whole, but for rounding.
    return max(1, int(self.longest ** (self.alpha / 2) + 1e-9))


def shortest(lengths: np.ndarray, config: StochasticLengthConfig) -> np.ndarray:
  """`[n]` events that are read of histories at least, `min(L, t)`."""
  return np.minimum(lengths, config.threshold)


def whole_share(
  lengths: np.ndarray, config: StochasticLengthConfig
) -> np.ndarray:
  """`[n]` probabilities that a history `[n]` is read whole."""
  long = np.maximum(lengths, 1).astype(np.float64)
  share = np.minimum(config.longest**config.alpha / np.square(long), 1)
  return np.where(lengths <= config.threshold, 1.0, share)


def expected_lengths(
  lengths: np.ndarray, config: StochasticLengthConfig
) -> np.ndarray:
  """`[n]` mean of what is read; their sum is the target of a rank."""
  least = shortest(lengths, config)
  return least + whole_share(lengths, config) * (lengths - least)


def draw_lengths(
  lengths: np.ndarray,
  config: StochasticLengthConfig,
  rng: np.random.Generator,
) -> np.ndarray:
  """`[n]` events that are read of histories of `lengths` `[n]`."""
  whole = rng.random(len(lengths)) < whole_share(lengths, config)
  return np.where(whole, lengths, shortest(lengths, config))


def balanced_lengths(
  lengths: np.ndarray,
  target: float,
  config: StochasticLengthConfig,
  rng: np.random.Generator,
) -> np.ndarray:
  """`[n]` events that a rank reads of its histories, `target` together.

  Args:
    lengths: `[n]` of the histories of the rank.
    target: the load of a rank, events.
    config: the histories that are cut.
    rng: draws which are read whole first.

  Returns:
    Lengths in `[min(L, t), L]`. Their sum is the target, rounded down, where
    any such lengths have that sum; otherwise the nearest one that they have.
  """
  least = shortest(lengths, config)
  whole = draw_lengths(lengths, config, rng) == lengths
  order = np.lexsort((-lengths, ~whole))
  room = (lengths - least)[order]
  before = np.cumsum(room) - room
  spare = int(target) - int(least.sum())
  found = least.copy()
  found[order] += np.clip(spare - before, 0, room)
  return found


def draw_events(length: int, kept: int, rng: np.random.Generator) -> np.ndarray:
  """Places `[kept]` of the events of a history that are read, oldest first."""
  return np.sort(rng.choice(length, kept, replace=False, shuffle=False))


def load_ratio(loads: np.ndarray) -> float:
  """The load of the busiest rank over the mean: how much longer a step is."""
  return float(np.max(loads) / np.mean(loads))
