"""Fashion-MNIST: 70,000 pictures of clothes (Xiao et al. 2017).

28 x 28 gray pixels, ten classes of 7,000 (arXiv 1708.07747, MIT license). Four
IDX files, gzipped or not, as they are published and as Debian's package
`dataset-fashion-mnist` installs them. The test set is the published one.
"""

from pathlib import Path

import numpy as np

from gr_jax.data.pictures.idx import read_idx
from gr_jax.data.pictures.labeled_pictures import (
  LabeledPictures,
  with_validation,
)
from gr_jax.data.requests import TEST, TRAIN

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
  "a T-shirt",
  "trousers",
  "a pullover",
  "a dress",
  "a coat",
  "a sandal",
  "a shirt",
  "a sneaker",
  "a bag",
  "an ankle boot",
)
_PARTS = {TRAIN: "train", TEST: "t10k"}


def load(
  directory: Path | None = None, *, valid: int = 5000, seed: int = 0
) -> LabeledPictures:
  """Reads the four files in a folder.

  Args:
    directory: the folder; None = that of Debian's package.
    valid: the number of training pictures to validate with.
    seed: the seed of their choice.

  Raises:
    FileNotFoundError: a file is missing.
    ValueError: a file is damaged, or pictures and labels do not match.
  """
  directory = DEBIAN if directory is None else Path(directory)
  pixels = [_read(directory, f"{p}-images-idx3-ubyte") for p in _PARTS.values()]
  labels = [_read(directory, f"{p}-labels-idx1-ubyte") for p in _PARTS.values()]
  split = np.concatenate(
    [np.full(len(part), s, np.int8) for s, part in zip(_PARTS, pixels)]
  )
  if [len(part) for part in pixels] != [len(part) for part in labels]:
    raise ValueError(
      f"{directory} has {[len(part) for part in pixels]} pictures and "
      f"{[len(part) for part in labels]} labels; get its files anew."
    )
  return LabeledPictures(
    np.concatenate(pixels),
    np.concatenate(labels).astype(np.int32),
    with_validation(split, valid, seed=seed),
    CLASSES,
  )


def _read(directory: Path, name: str) -> np.ndarray:
  for path in (directory / name, directory / f"{name}.gz"):
    if path.is_file():
      return read_idx(path)
  raise FileNotFoundError(
    f"{directory / name}.gz is missing; `apt-get install "
    f"dataset-fashion-mnist` puts Fashion-MNIST into {DEBIAN}, or name the "
    "folder of its four files."
  )
