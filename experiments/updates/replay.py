"""Batches of new groups with groups that were learned before among them.

Of `B` groups `round(B r)` are old, drawn anew for every batch, each as likely
as any other; the others are the new ones in turn, shuffled every pass. A group
of `n` targets takes part `ceil(n / P)` times, as in training.
"""

from collections.abc import Callable
from typing import Any

import grain
import numpy as np

from gr_jax.data.batches import numbered_batches


def replay_size(batch_size: int, share: float, *, old: int) -> int:
  """The number of old groups of a batch; there is always a new one."""
  return min(round(batch_size * share), batch_size - 1) if old else 0


def replayed_batches(
  draw: Callable[[np.ndarray, np.random.Generator], Any],
  new: np.ndarray,
  old: np.ndarray,
  *,
  batch_size: int,
  replay: float,
  seed: int,
) -> grain.IterDataset:
  """Endless batches; the iterator's state is the number of those taken.

  Args:
    draw: makes a batch of groups `[B]`.
    new: `[n]` groups to learn, as often as they take part.
    old: `[m]` groups that were learned, likewise; may be empty.
    batch_size: `B`.
    replay: the share `r` of old groups.
    seed: the seed of everything that is drawn.
  """
  again = replay_size(batch_size, replay, old=len(old))
  fresh = batch_size - again

  def make(number: int) -> Any:
    rng = np.random.default_rng((seed, number))
    places = np.arange(number * fresh, (number + 1) * fresh)
    groups = [_in_turn(new, place, seed) for place in _passes(places, len(new))]
    groups.append(old[rng.integers(len(old), size=again)] if again else old[:0])
    return draw(np.concatenate(groups), rng)

  return numbered_batches(make)


def _passes(places: np.ndarray, count: int) -> list[tuple[int, np.ndarray]]:
  """The pass of each place, and the places of one pass together."""
  passes = places // count
  return [
    (int(each), places[passes == each] % count) for each in np.unique(passes)
  ]


def _in_turn(
  new: np.ndarray, place: tuple[int, np.ndarray], seed: int
) -> np.ndarray:
  number, places = place
  # A key of three: no batch draws from the same stream.
  order = np.random.default_rng((seed, number, 1)).permutation(len(new))
  return new[order[places]]
