"""Laws of labeled pictures and their batches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.pictures.labeled_pictures import (
  LabeledPictures,
  shuffled_rows,
  with_validation,
)
from gr_jax.data.requests import TEST, TRAIN, VALID

SPLIT = np.array([TRAIN] * 9 + [TEST] * 3, np.int8)


def test_pictures_stand_in_the_middle_of_a_black_square():
  pixels = np.full((2, 28, 30), 255, np.uint8)
  data = LabeledPictures(pixels, np.zeros(2, np.int32), SPLIT[:2], ("a",))
  pictures = data.pictures(np.array([1]))
  assert pictures.shape == (1, 32, 32, 1)
  assert pictures.dtype == np.float32
  expected = -np.ones((32, 32))
  expected[2:30, 1:31] = 1
  np.testing.assert_array_equal(pictures[0, :, :, 0], expected)


def test_gray_is_zero():
  pixels = np.array([[[0, 127, 128, 255]]], np.uint8)
  data = LabeledPictures(pixels, np.zeros(1, np.int32), SPLIT[:1], ("a",))
  middle = data.pictures(np.array([0]))[0, 15, 14:18, 0]
  np.testing.assert_allclose(middle, [-1, -1 / 255, 1 / 255, 1], atol=1e-6)


def test_validation_is_cut_off_training_alone():
  split = with_validation(SPLIT, 4, seed=0)
  assert (split == VALID).sum() == 4
  np.testing.assert_array_equal(split == TEST, SPLIT == TEST)
  again = [with_validation(SPLIT, 4, seed=seed) for seed in (0, 1)]
  np.testing.assert_array_equal(split, again[0])
  assert (split != again[1]).any()
  with pytest.raises(ValueError, match="there are 9 to train on"):
    with_validation(SPLIT, 9, seed=0)


@given(count=st.integers(1, 12), size=st.integers(1, 9))
def test_every_epoch_holds_every_row_once(count, size):
  rows = np.arange(count) * 10
  drawn = np.concatenate(
    [shuffled_rows(rows, n, size=size, seed=0) for n in range(count * 3)]
  )
  for epoch in drawn[: count * size * 3].reshape(-1, count):
    assert sorted(epoch) == rows.tolist()


def test_epochs_and_seeds_have_orders_of_their_own():
  rows = np.arange(50)
  orders = [
    tuple(shuffled_rows(rows, number, size=50, seed=seed))
    for number, seed in ((0, 0), (1, 0), (0, 1))
  ]
  assert len(set(orders)) == 3
  assert orders[0] == tuple(shuffled_rows(rows, 0, size=50, seed=0))
