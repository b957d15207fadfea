"""Prompts: what a caption of ShapesWorld says, as arrays.

A prompt is up to G groups of equal shapes, "two red circles and a blue square",
perhaps with the place of the first shape as seen from the second and with a
background. Prompts that say the same thing in another order are one prompt: its
split is a hash of what it says, so that no prompt of one split is in another.
"""

import numpy as np
from flax import struct

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.worlds.shapes.outlines import KINDS
from gr_jax.data.worlds.shapes.palette import COLORS

MOST_OBJECTS = 6
NO_RELATION, LEFT, RIGHT, ABOVE, BELOW = range(5)
SPLIT_SHARES = {TRAIN: 0.8, VALID: 0.1, TEST: 0.1}

_NUM_PAIRS = len(COLORS) * len(KINDS)
# Left and right, above and below say one thing: who is first, and along what.
_ROLES = np.array([[0, 0], [1, 2], [2, 1], [3, 4], [4, 3]])


@struct.dataclass
class Prompts:
  """What B captions ask for.

  Attributes:
    counts: `[B, G]` int32, the shapes of a group, 0 after the last group.
    colors: `[B, G]` int32 rows of `COLORS`; no two groups of a prompt have the
      same color and kind.
    kinds: `[B, G]` int32 rows of `KINDS`.
    relation: `[B]` int32, where the first group's shape is as seen from the
      second's, both alone in their groups; NO_RELATION where that is open.
    background: `[B]` int32 rows of `BACKGROUNDS`.
  """

  counts: np.ndarray
  colors: np.ndarray
  kinds: np.ndarray
  relation: np.ndarray
  background: np.ndarray

  def __len__(self) -> int:
    return len(self.counts)

  def __getitem__(self, rows) -> "Prompts":
    """Returns the prompts of rows, by a slice or an array."""
    return Prompts(**{name: value[rows] for name, value in vars(self).items()})


def draw_prompts(
  rng: np.random.Generator,
  n: int,
  *,
  max_objects: int,
  max_groups: int,
  relation_share: float,
  num_backgrounds: int,
) -> Prompts:
  """Draws prompts of all splits.

  The number of shapes is uniform, so is that of groups, and so is how the
  shapes are spread over the groups. A prompt with a relation begins with two
  groups of one.
  """
  total = rng.integers(1, max_objects + 1, n)
  allowed = np.where((max_groups > 2) | (total == 2), total > 1, False)
  related = allowed & (max_groups > 1) & (rng.random(n) < relation_share)
  least = np.where(related, np.minimum(total, 3), 1)
  groups = rng.integers(least, np.minimum(total, max_groups) + 1)
  # Of the total - 1 gaps between shapes, groups - 1 begin a group; those before
  # the second and third shape do where the first two must be alone.
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
  pair = rng.random((n, _NUM_PAIRS)).argsort(axis=1)[:, :max_groups]
  pair = np.where(counts > 0, pair, 0)
  prompts = Prompts(
    counts=counts,
    colors=pair // len(KINDS),
    kinds=pair % len(KINDS),
    relation=np.where(related, rng.integers(LEFT, BELOW + 1, n), NO_RELATION),
    background=rng.integers(0, num_backgrounds, n),
  )
  return Prompts(
    **{name: value.astype(np.int32) for name, value in vars(prompts).items()}
  )


def prompt_hashes(prompts: Prompts, *, seed: int) -> np.ndarray:
  """Returns `[B]` uint64: equal for prompts that say the same thing.

  The sum over groups of a hash of (count, color, kind, role in the relation);
  backgrounds are left out, so that a split has its prompts on all of them.
  """
  width = prompts.counts.shape[1]
  role = np.zeros(prompts.counts.shape, np.int64)
  role[:, :2] = _ROLES[prompts.relation][:, :width]
  said = (
    (role * (MOST_OBJECTS + 1) + prompts.counts) * len(COLORS) + prompts.colors
  ) * len(KINDS) + prompts.kinds
  hashes = _mixed(said.astype(np.uint64) + _mixed(np.array([seed], np.uint64)))
  return np.where(prompts.counts > 0, hashes, np.uint64(0)).sum(
    axis=1, dtype=np.uint64
  )


def splits_of(prompts: Prompts, *, seed: int) -> np.ndarray:
  """Returns the split `[B]` int8 of prompts: TRAIN, VALID or TEST."""
  point = _mixed(prompt_hashes(prompts, seed=seed)) / 2.0**64
  bounds = np.cumsum(list(SPLIT_SHARES.values()))[:-1]
  return np.array(list(SPLIT_SHARES), np.int8)[np.searchsorted(bounds, point)]


def _mixed(x: np.ndarray) -> np.ndarray:
  """Steele, Lea and Flood's SplitMix64, elementwise on uint64."""
  x = x + np.uint64(0x9E3779B97F4A7C15)
  x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
  x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
  return x ^ (x >> np.uint64(31))
