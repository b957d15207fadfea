"""Outlines: every kind has the area, center and reach that are stated."""

import numpy as np
import pytest

from gr_jax.data.worlds.shapes.outlines import (
  KINDS,
  REACH,
  coverage,
  signed_distances,
)

R = 40.0
AXIS = np.arange(-79.5, 80, 1, dtype=np.float32)
X, Y = AXIS[None], AXIS[:, None]


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
  """`[K, 160, 160]`, every kind at radius 40."""
  kinds = np.arange(len(KINDS))[:, None, None]
  return np.asarray(coverage(kinds, X, Y, np.float32(R)))


def test_area_is_that_of_the_circle_and_the_center_of_mass_the_origin(masks):
  area = masks.sum(axis=(1, 2))
  np.testing.assert_allclose(area, np.pi * R**2, rtol=5e-3)
  np.testing.assert_allclose((masks * X).sum(axis=(1, 2)) / area, 0, atol=0.05)
  np.testing.assert_allclose((masks * Y).sum(axis=(1, 2)) / area, 0, atol=0.05)


def test_reach_is_the_box_of_the_outline(masks):
  for mask, reach in zip(masks > 0.5, REACH * R):
    x, y = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    ends = [-AXIS[x[0]], -AXIS[y[0]], AXIS[x[-1]], AXIS[y[-1]]]
    np.testing.assert_allclose(ends, reach, atol=2)


def test_triangles_point_up(masks):
  mask = masks[KINDS.index("triangle")]
  widths = mask.sum(axis=1)[mask.any(axis=1)]
  assert widths[3] < widths[-3] / 5


def test_outlines_are_symmetric_but_for_the_triangle_upside_down(masks):
  for kind, mask in zip(KINDS, masks):
    np.testing.assert_array_equal(mask, mask[:, ::-1])
    upright = kind == "triangle"
    assert np.array_equal(mask, mask[::-1]) != upright


def test_distances_grow_by_one_a_pixel_across_straight_edges():
  steps = np.array([[-1.0], [0.0], [1.0]], np.float32)
  for kind, reach in zip(KINDS, REACH * R):
    distances = signed_distances(reach[2] + steps, 0.0, np.float32(R))
    found = np.asarray(distances[KINDS.index(kind)])[:, 0]
    if kind in ("circle", "square", "cross"):
      np.testing.assert_allclose(found, [-1, 0, 1], atol=1e-4)


def test_no_kind_covers_nothing():
  assert not np.asarray(coverage(-1, X, Y, np.float32(R))).any()
