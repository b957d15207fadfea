"""Fashion-MNIST in IDX files."""

import gzip

import numpy as np
import pytest

from gr_jax.data.pictures import fashion_mnist
from gr_jax.data.requests import TEST, TRAIN, VALID


def write_idx(path, array):
  head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
  path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))


@pytest.fixture
def folder(tmp_path):
  rng = np.random.default_rng(0)
  for name, count in (("train", 20), ("t10k", 6)):
    pixels = rng.integers(0, 256, (count, 28, 28))
    write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", pixels)
    labels = np.arange(count) % 10
    write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", labels)
  return tmp_path


def test_the_published_test_set_is_the_test_set(folder):
  data = fashion_mnist.load(folder, valid=4)
  assert data.rows(TEST).tolist() == list(range(20, 26))
  assert len(data.rows(VALID)) == 4
  assert len(data.rows(TRAIN)) == 16
  assert data.labels[:12].tolist() == [*range(10), 0, 1]
  assert data.pictures(np.arange(3)).shape == (3, 32, 32, 1)


def test_what_is_missing_is_said_in_one_line(folder):
  (folder / "t10k-labels-idx1-ubyte.gz").unlink()
  with pytest.raises(FileNotFoundError, match="dataset-fashion-mnist") as error:
    fashion_mnist.load(folder)
  assert "\n" not in str(error.value)


def test_pictures_without_labels_raise(folder):
  write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.zeros(5))
  with pytest.raises(ValueError, match=r"\[20, 6\] pictures and \[20, 5\]"):
    fashion_mnist.load(folder, valid=4)


@pytest.mark.skipif(
  not fashion_mnist.DEBIAN.is_dir(),
  reason="apt-get install dataset-fashion-mnist",
)
def test_classes_are_equally_many():
  data = fashion_mnist.load()
  assert np.bincount(data.labels).tolist() == [7000] * 10
  assert len(data.rows(TEST)) == 10_000
