"""Rotary positions of several axes."""

import jax.numpy as jnp
import numpy as np

from gr_jax.diffusion.networks.axial_rotary import axial_angles, rotate_by
from gr_jax.nn.rotary import rotate

RNG = np.random.default_rng(0)
Q, K = (RNG.normal(size=(2, 6, 3, 12)).astype(np.float32) for _ in range(2))
PLACES = RNG.integers(0, 9, (6, 3))
AXES = (2, 4, 6)


def scores(places):
  angles = axial_angles(jnp.asarray(places), AXES)
  q, k = rotate_by(Q, angles), rotate_by(K, angles)
  return np.einsum("bthd,bshd->bhts", q, k)


def test_one_axis_is_the_rotary_embedding_of_texts():
  positions = np.broadcast_to(np.arange(6), (2, 6))
  found = rotate_by(Q, axial_angles(jnp.arange(6)[:, None], (12,)))
  expected = rotate(Q, positions, theta=10_000.0)
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_scores_depend_on_the_difference_of_places():
  np.testing.assert_allclose(
    scores(PLACES + np.array([1, 5, 2])), scores(PLACES), rtol=1e-3, atol=1e-4
  )


def test_every_axis_counts():
  plain = scores(PLACES)
  for axis in range(3):
    moved = PLACES.copy()
    moved[0, axis] += 1
    assert np.abs(scores(moved) - plain)[:, :, 0].max() > 0.01


def test_lengths_stay():
  turned = rotate_by(Q, axial_angles(jnp.asarray(PLACES), AXES))
  np.testing.assert_allclose(
    np.linalg.norm(turned, axis=-1), np.linalg.norm(Q, axis=-1), rtol=1e-5
  )
