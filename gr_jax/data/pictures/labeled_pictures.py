"""Gray pictures, each of one class, and the batches to train on."""

import dataclasses

import numpy as np

from gr_jax.data.requests import TRAIN, VALID

SIDE = 32


@dataclasses.dataclass(frozen=True)
class LabeledPictures:
  """N pictures.

  Attributes:
    pixels: `[N, H, W]` uint8, at most 32 x 32, black at the edges.
    labels: `[N]` int32 rows of `classes`.
    split: `[N]` int8: TRAIN, VALID or TEST.
    classes: what a picture of a class shows, as words: "a sandal".
  """

  pixels: np.ndarray
  labels: np.ndarray
  split: np.ndarray
  classes: tuple[str, ...]

  def __len__(self) -> int:
    return len(self.labels)

  def rows(self, split: int) -> np.ndarray:
    """The rows of a split."""
    return np.flatnonzero(self.split == split)

  def pictures(self, rows: np.ndarray) -> np.ndarray:
    """`[B, 32, 32, 1]` float32 in [-1, 1] of rows, black all around."""
    pixels = self.pixels[rows]
    spare = [SIDE - side for side in pixels.shape[1:]]
    around = [(n // 2, n - n // 2) for n in spare]
    padded = np.pad(pixels, ((0, 0), *around))
    return padded[..., None].astype(np.float32) / np.float32(127.5) - 1


def with_validation(split: np.ndarray, count: int, *, seed: int) -> np.ndarray:
  """The split `[N]` with `count` of its training rows, drawn, as VALID.

  Raises:
    ValueError: nothing would be left to train on.
  """
  trained = np.flatnonzero(split == TRAIN)
  if not 0 <= count < len(trained):
    raise ValueError(
      f"{count} pictures to validate with; there are {len(trained)} to train "
      "on: give fewer."
    )
  drawn = np.random.default_rng(seed).choice(trained, count, replace=False)
  split = split.copy()
  split[drawn] = VALID
  return split


def shuffled_rows(
  rows: np.ndarray, number: int, *, size: int, seed: int
) -> np.ndarray:
  """The rows `[size]` of the batch of a number.

  Epochs follow each other without a gap, each in an order of its own: every row
  is seen once in an epoch, and any batch is drawn without those before it.
  """
  place = np.arange(number * size, (number + 1) * size)
  epoch, place = np.divmod(place, len(rows))
  drawn = np.empty(size, rows.dtype)
  for e in np.unique(epoch):
    order = np.random.default_rng((seed, e)).permutation(len(rows))
    drawn[epoch == e] = rows[order[place[epoch == e]]]
  return drawn
