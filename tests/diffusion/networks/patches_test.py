"""Pictures as tokens and back."""

import numpy as np
import pytest

from gr_jax.diffusion.networks.patches import from_patches, to_patches


def test_patches_give_the_picture_back():
  x = np.random.default_rng(0).normal(size=(2, 8, 12, 3))
  tokens = to_patches(x, 4)
  assert tokens.shape == (2, 6, 48)
  np.testing.assert_array_equal(from_patches(tokens, 4, height=8, width=12), x)


def test_a_token_is_a_square_of_pixels():
  x = np.random.default_rng(0).normal(size=(1, 4, 6, 2))
  tokens = to_patches(x, 2)
  np.testing.assert_array_equal(tokens[0, 4], x[0, 2:4, 2:4].ravel())


def test_sides_that_do_not_fit_are_named():
  with pytest.raises(ValueError, match="10 x 8"):
    to_patches(np.zeros((1, 10, 8, 3)), 4)
