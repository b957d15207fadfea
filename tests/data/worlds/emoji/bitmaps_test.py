"""Bitmaps: what is drawn fills the square, the rest is white."""

import sys

import numpy as np
import pytest

from gr_jax.data.worlds.emoji.bitmaps import bitmap
from tests.reference.drawn_emoji import png


def picture(**colors) -> np.ndarray:
  """A wide bar in a square of nothing, `[40, 40, 4]`."""
  image = np.zeros((40, 40, 4), np.uint8)
  image[10:20, 4:24] = colors.get("bar", [255, 0, 0, 255])
  return image


def test_the_bar_is_as_wide_as_the_picture_and_in_its_middle():
  small = bitmap(png(picture()), side=8)
  assert small.shape == (8, 8, 3)
  assert small.dtype == np.float32
  np.testing.assert_allclose(small[3:5], [[[1, -1, -1]] * 8] * 2, atol=0.15)
  np.testing.assert_allclose(small[[0, 7]], 1, atol=0.02)


def test_a_picture_on_white_is_as_one_on_nothing():
  white = picture()
  white[white[..., 3] == 0] = 255
  np.testing.assert_array_equal(
    bitmap(png(white), side=8), bitmap(png(picture()), side=8)
  )


def test_half_transparent_is_half_white():
  small = bitmap(png(picture(bar=[0, 0, 0, 128])), side=20)
  np.testing.assert_allclose(small[9:11, 9:11], 1 - 2 * 128 / 255, atol=0.01)


def test_fine_stripes_become_gray_and_not_coarse_ones():
  stripes = np.zeros((64, 64, 4), np.uint8)
  stripes[..., 3] = 255
  stripes[:, ::2, :3] = 255
  small = bitmap(png(stripes), side=14)
  assert np.abs(small[4:-4, 4:-4]).max() < 0.1


def test_what_is_all_white_is_none():
  assert bitmap(png(np.full((8, 8, 3), 255, np.uint8)), side=4) is None
  assert bitmap(png(np.zeros((8, 8, 4), np.uint8)), side=4) is None


def test_what_is_no_image_raises():
  with pytest.raises(ValueError, match="a picture of 5 bytes"):
    bitmap(b"hello", side=8)


def test_a_missing_package_says_how_to_get_it(monkeypatch):
  picture_of_bar = png(picture())
  monkeypatch.setitem(sys.modules, "PIL", None)
  with pytest.raises(ImportError, match=r"pip install '\.\[emoji\]'"):
    bitmap(picture_of_bar, side=8)
