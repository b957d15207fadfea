"""Pictures of classes that differ at a glance."""

import functools
import gzip
import pathlib
import tempfile

import numpy as np


def write_digits(folder: pathlib.Path, count: int) -> pathlib.Path:
  """Dark pictures in which the place of a bright line is the class."""
  labels = np.arange(count) % 10
  pixels = np.random.default_rng(0).integers(0, 40, (count, 28, 28))
  pixels[np.arange(count), labels * 2] = 255
  path = folder / "digits.csv.gz"
  with gzip.open(path, "wt", compresslevel=1) as file:
    table = np.column_stack([pixels.reshape(count, -1), labels])
    np.savetxt(file, table, fmt="%d", delimiter=",")
  return path


@functools.cache
def small_table() -> pathlib.Path:
  """One for all tests of a process."""
  return write_digits(pathlib.Path(tempfile.mkdtemp()), 1200)
