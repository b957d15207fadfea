"""Prompts: what a caption of ShapesWorld says, as arrays.

A prompt is up to G groups of equal shapes, "two red circles and a blue square",
perhaps with the place of the first shape as seen from the second and with a
background. Prompts that say the same thing in another order are one prompt: its
split is a hash of what it says, so that no prompt of one split is in another.
"""

import numpy as np
from flax import struct

from gr_jax.data.worlds.scenes.groups import (
  Groups,
  draw_groups,
  group_hashes,
  splits_of_hashes,
)
from gr_jax.data.worlds.shapes.outlines import KINDS
from gr_jax.data.worlds.shapes.palette import COLORS

_NUM_PAIRS = len(COLORS) * len(KINDS)


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
  """Draws prompts of all splits, see `draw_groups`; things are pairs."""
  groups = draw_groups(
    rng,
    n,
    max_objects=max_objects,
    max_groups=max_groups,
    num_things=_NUM_PAIRS,
    relation_share=relation_share,
  )
  colors, kinds = np.divmod(groups.things, len(KINDS))
  background = rng.integers(0, num_backgrounds, n)
  return Prompts(
    counts=groups.counts,
    colors=colors,
    kinds=kinds,
    relation=groups.relation,
    background=background.astype(np.int32),
  )


def prompt_hashes(prompts: Prompts, *, seed: int) -> np.ndarray:
  """Returns `[B]` uint64: equal for prompts that say the same thing.

  Backgrounds are left out, so that a split has its prompts on all of them.
  """
  groups = Groups(
    counts=prompts.counts,
    things=prompts.colors * len(KINDS) + prompts.kinds,
    relation=prompts.relation,
  )
  return group_hashes(groups, num_things=_NUM_PAIRS, seed=seed)


def splits_of(prompts: Prompts, *, seed: int) -> np.ndarray:
  """Returns the split `[B]` int8 of prompts: TRAIN, VALID or TEST."""
  return splits_of_hashes(prompt_hashes(prompts, seed=seed))
