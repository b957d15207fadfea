"""Every kind fits itself best, sharp or blurred, wherever it stands."""

import numpy as np
import pytest
import scipy.ndimage

from gr_jax.data.worlds.shapes.kind_fits import (
  kind_fits,
  window_side,
  window_starts,
  windows,
)
from gr_jax.data.worlds.shapes.outlines import KINDS, coverage

SIDE = window_side(32)
RNG = np.random.default_rng(0)
KIND = np.repeat(np.arange(len(KINDS)), 12)
R = RNG.uniform(2.6, 3.4, len(KIND)).astype(np.float32)[:, None, None]
SHIFT = RNG.uniform(-0.5, 0.5, (2, len(KIND), 1, 1)).astype(np.float32)
MIDDLE = (np.arange(SIDE) - (SIDE - 1) / 2).astype(np.float32)
X, Y = MIDDLE - SHIFT[0], MIDDLE[:, None] - SHIFT[1]


@pytest.mark.parametrize("blur", [0.0, 0.4, 0.5, 0.6, 0.7, 0.8])
def test_the_kind_that_is_shown_fits_best(blur):
  shown = np.asarray(coverage(KIND[:, None, None], X, Y, R))
  alpha = scipy.ndimage.gaussian_filter(shown, (0, blur, blur))
  fits = np.asarray(kind_fits(alpha, X, Y, R))
  np.testing.assert_array_equal(fits.argmax(axis=-1), KIND)
  assert fits.max(axis=-1).min() > 0.95
  if not blur:
    np.testing.assert_allclose(fits.max(axis=-1), 1, atol=1e-6)


def test_what_is_no_shape_fits_none():
  stripes = np.zeros((len(KIND), SIDE, SIDE), np.float32)
  stripes[:, ::3] = 1
  assert np.asarray(kind_fits(stripes, X, Y, R)).max() < 0.3
  assert np.asarray(kind_fits(0 * stripes, X, Y, R)).max() <= 0


def test_windows_stay_inside_and_hold_their_center():
  pictures = np.arange(32 * 32).reshape(1, 1, 32, 32).repeat(4, axis=1)
  centers = np.array([[[0.5, 16], [31, 16], [16, 1], [20.2, 17.4]]])
  starts = np.asarray(window_starts(centers, size=32))
  cut = np.asarray(windows(pictures, starts))
  assert cut.shape == (1, 4, SIDE, SIDE)
  last = 32 - SIDE
  half = SIDE // 2
  expected = [[0, 16 - half], [last, 16 - half], [16 - half, 0]]
  expected.append([20 - half, 17 - half])
  np.testing.assert_array_equal(starts[0], expected)
  for (x, y), window in zip(starts[0], cut[0]):
    np.testing.assert_array_equal(
      window, pictures[0, 0, y : y + SIDE, x : x + SIDE]
    )
