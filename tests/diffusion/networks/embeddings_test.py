"""Times and places as vectors."""

import jax.numpy as jnp
import numpy as np

from gr_jax.diffusion.networks.embeddings import (
  grid_places,
  grid_sinusoids,
  sinusoids,
)


def test_sinusoids_are_cosines_and_sines():
  found = np.asarray(sinusoids(jnp.array([0.0, 3.0]), 8))
  angles = 3.0 * 10_000.0 ** (-np.arange(4) / 4)
  np.testing.assert_allclose(found[0], [1] * 4 + [0] * 4, atol=1e-6)
  expected = np.concatenate((np.cos(angles), np.sin(angles)))
  np.testing.assert_allclose(found[1], expected, atol=1e-5)


def test_tokens_of_a_grid_go_row_by_row():
  expected = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
  np.testing.assert_array_equal(grid_places(2, 3), expected)


def test_every_place_has_a_vector_of_its_own():
  found = np.asarray(grid_sinusoids(4, 5, 16))
  assert found.shape == (20, 16)
  gaps = np.abs(found[:, None] - found[None]).max(axis=-1)
  assert gaps[~np.eye(20, dtype=bool)].min() > 0.1
  # The first half tells rows apart, the second columns.
  np.testing.assert_array_equal(found[0, :8], found[1, :8])
  np.testing.assert_array_equal(found[0, 8:], found[5, 8:])
