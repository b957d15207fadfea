"""Groups of equal things: what every prompt of a scene says, and its split.

A prompt is up to G groups, "two red circles and a blue square", perhaps with
the place of the first thing as seen from the second. Prompts that say the same
in another order are one prompt: its split is a hash of what it says, so that no
prompt of one split is in another.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import numpy as np

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.worlds.scenes.relations import BELOW, LEFT, NO_RELATION

MOST_OBJECTS = 6
SPLIT_SHARES = {TRAIN: 0.8, VALID: 0.1, TEST: 0.1}

_MOST_DRAWS = 1000
# Left and right, above and below say one thing: who is first, and along what.
_ROLES = np.array([[0, 0], [1, 2], [2, 1], [3, 4], [4, 3]])

P = TypeVar("P")


class Groups(NamedTuple):
  """The groups of B prompts.

  Attributes:
    counts: `[B, G]` int32, the things of a group, 0 after the last group.
    things: `[B, G]` int32, what they are; no two groups of a prompt are the
      same.
    relation: `[B]` int32, where the first group's thing is as seen from the
      second's, both alone in their groups; NO_RELATION where that is open.
  """

  counts: np.ndarray
  things: np.ndarray
  relation: np.ndarray


def draw_groups(
  rng: np.random.Generator,
  n: int,
  *,
  max_objects: int,
  max_groups: int,
  num_things: int,
  relation_share: float,
) -> Groups:
  """Draws the groups of `n` prompts of all splits.

  The number of objects is uniform, so is that of groups, and so is how the
  objects are spread over the groups. A prompt with a relation begins with two
  groups of one.
  """
  total = rng.integers(1, max_objects + 1, n)
  allowed = np.where((max_groups > 2) | (total == 2), total > 1, False)
  related = allowed & (max_groups > 1) & (rng.random(n) < relation_share)
  least = np.where(related, np.minimum(total, 3), 1)
  groups = rng.integers(least, np.minimum(total, max_groups) + 1)
  # Of the total - 1 gaps between objects, groups - 1 begin a group; those
  # before the second and third do where the first two must be alone.
  gaps = rng.random((n, max_objects - 1))
  gaps[:, :2] -= related[:, None]
  gaps[np.arange(1, max_objects) >= total[:, None]] = 1
  rank = gaps.argsort(axis=1).argsort(axis=1)
  starts = np.ones((n, max_objects), bool)
  starts[:, 1:] = rank < (groups - 1)[:, None]
  group = np.where(
    np.arange(max_objects) < total[:, None], starts.cumsum(axis=1) - 1, -1
  )
  counts = (group[:, :, None] == np.arange(max_groups)).sum(axis=1)
  things = rng.random((n, num_things)).argsort(axis=1)[:, :max_groups]
  relation = np.where(related, rng.integers(LEFT, BELOW + 1, n), NO_RELATION)
  return Groups(
    counts=counts.astype(np.int32),
    things=np.where(counts > 0, things, 0).astype(np.int32),
    relation=relation.astype(np.int32),
  )


def group_hashes(groups: Groups, *, num_things: int, seed: int) -> np.ndarray:
  """Returns `[B]` uint64: equal for prompts that say the same thing.

  The sum over groups of a hash of (count, thing, role in the relation).
  """
  width = groups.counts.shape[1]
  role = np.zeros(groups.counts.shape, np.int64)
  role[:, :2] = _ROLES[groups.relation][:, :width]
  said = role * (MOST_OBJECTS + 1) + groups.counts
  said = said * num_things + groups.things
  hashes = _mixed(said.astype(np.uint64) + _mixed(np.array([seed], np.uint64)))
  return np.where(groups.counts > 0, hashes, np.uint64(0)).sum(
    axis=1, dtype=np.uint64
  )


def splits_of_hashes(hashes: np.ndarray) -> np.ndarray:
  """Returns the split `[B]` int8 of prompts: TRAIN, VALID or TEST."""
  point = _mixed(hashes) / 2.0**64
  bounds = np.cumsum(list(SPLIT_SHARES.values()))[:-1]
  return np.array(list(SPLIT_SHARES), np.int8)[np.searchsorted(bounds, point)]


def draw_split(
  draw: Callable[[int], P],
  splits_of: Callable[[P], np.ndarray],
  n: int,
  *,
  split: int,
) -> P:
  """Draws until `n` prompts are of the split, and returns those.

  Args:
    draw: Returns that many prompts of all splits, a pytree of `[B, ...]`.
    splits_of: Returns the splits `[B]` of prompts.
    n: The number of prompts.
    split: TRAIN, VALID or TEST.

  Raises:
    ValueError: a thousand draws have too few prompts of the split, as in a
      world that can say very little.
  """
  kept, found = [], 0
  for _ in range(_MOST_DRAWS):
    drawn = draw(max(2 * n, 64))
    rows = splits_of(drawn) == split
    kept.append(jax.tree.map(lambda x, rows=rows: x[rows], drawn))
    found += np.count_nonzero(rows)
    if found >= n:
      return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *kept)
  raise ValueError(
    f"{_MOST_DRAWS} draws hold {found} prompts of split {split}, {n} are "
    "wanted; give the world more things or objects, or another seed."
  )


def _mixed(x: np.ndarray) -> np.ndarray:
  """Steele, Lea and Flood's SplitMix64, elementwise on uint64."""
  x = x + np.uint64(0x9E3779B97F4A7C15)
  x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
  x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
  return x ^ (x >> np.uint64(31))
