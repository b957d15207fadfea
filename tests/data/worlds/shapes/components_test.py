"""Components are those of scipy, label by label."""

import numpy as np
import pytest
import scipy.ndimage

from gr_jax.data.worlds.shapes.components import (
  connected_components,
  grown,
  shifted,
)


def reference(classes: np.ndarray) -> np.ndarray:
  """One picture: every class labelled by itself, the largest number kept."""
  labels = np.full(classes.shape, -1)
  numbers = np.arange(classes.size).reshape(classes.shape)
  for value in set(classes.flat) - {-1}:
    found, count = scipy.ndimage.label(classes == value)
    for n in range(1, count + 1):
      labels[found == n] = numbers[found == n].max()
  return labels


@pytest.mark.parametrize("num_classes", [1, 2, 5])
def test_components_are_those_of_scipy(num_classes):
  rng = np.random.default_rng(num_classes)
  classes = rng.integers(-1, num_classes, (20, 9, 12)).astype(np.int32)
  found = np.asarray(connected_components(classes))
  np.testing.assert_array_equal(found, [reference(one) for one in classes])


def test_a_long_spiral_is_one_component():
  classes = np.full((1, 9, 12), -1, np.int32)
  classes[0, ::2] = 3
  classes[0, 1::4, -1] = 3
  classes[0, 3::4, 0] = 3
  found = np.asarray(connected_components(classes))[0]
  np.testing.assert_array_equal(found, reference(classes[0]))
  assert len(set(found.flat)) == 2


def test_corners_do_not_join_and_an_empty_picture_has_no_component():
  classes = np.full((2, 9, 12), -1, np.int32)
  classes[0, 2, 2] = classes[0, 3, 3] = 0
  found = np.asarray(connected_components(classes))
  assert len(set(found[0].flat)) == 3
  assert np.all(found[1] == -1)


def test_growing_adds_the_ring_and_keeps_what_is_labelled():
  labels = np.full((1, 7, 7), -1, np.int32)
  labels[0, 3, 3], labels[0, 3, 5] = 24, 26
  found = np.asarray(grown(labels))[0]
  expected = np.full((7, 7), -1)
  expected[2:5, 2:5] = 24
  expected[2:5, 4:7] = 26
  expected[3, 3] = 24
  np.testing.assert_array_equal(found, expected)


def test_shifting_brings_the_neighbor_and_an_edge():
  x = np.arange(6).reshape(1, 2, 3)
  np.testing.assert_array_equal(shifted(x, -1, 1)[0], [[-1, 0, 1], [-1, 3, 4]])
  np.testing.assert_array_equal(
    shifted(x, -2, -1)[0], [[3, 4, 5], [-1, -1, -1]]
  )
