"""Prompts: what a caption of EmojiWorld says, as arrays."""

import numpy as np
from flax import struct

from gr_jax.data.worlds.scenes.groups import (
  Groups,
  group_hashes,
  splits_of_hashes,
)


@struct.dataclass
class Prompts:
  """What B captions ask for.

  Attributes:
    counts: `[B, G]` int32, the emoji of a group, 0 after the last group.
    kinds: `[B, G]` int32 rows of the vocabulary, no two of a prompt the same.
    relation: `[B]` int32, where the first group's emoji is as seen from the
      second's, both alone in their groups; NO_RELATION where that is open.
  """

  counts: np.ndarray
  kinds: np.ndarray
  relation: np.ndarray

  def __len__(self) -> int:
    return len(self.counts)

  def __getitem__(self, rows) -> "Prompts":
    """Returns the prompts of rows, by a slice or an array."""
    return Prompts(**{name: value[rows] for name, value in vars(self).items()})


def splits_of(prompts: Prompts, *, num_kinds: int, seed: int) -> np.ndarray:
  """Returns the split `[B]` int8 of prompts: TRAIN, VALID or TEST."""
  groups = Groups(prompts.counts, prompts.kinds, prompts.relation)
  hashes = group_hashes(groups, num_things=num_kinds, seed=seed)
  return splits_of_hashes(hashes)
