"""The nearest rows are those of all cosines, in blocks of any size."""

import numpy as np
import pytest

from gr_jax.candidates import nearest_rows as module
from gr_jax.candidates.nearest_rows import nearest_rows
from gr_jax.text.encoder import unit_rows


@pytest.mark.parametrize("block", [1, 20, 10**9])
@pytest.mark.parametrize("most", [1, 4, 50])
def test_the_largest_cosines_come_first(monkeypatch, block, most):
  monkeypatch.setattr(module, "_BLOCK", block)
  rng = np.random.default_rng(0)
  vectors = rng.integers(-1, 2, (30, 3)).astype(np.float32)  # With many ties.
  wanted = rng.integers(-2, 3, (4, 3)).astype(np.float32)
  rows = np.arange(1, 30, 2)
  places, cosines = nearest_rows(wanted, vectors, rows, most=most)
  every = unit_rows(wanted) @ unit_rows(vectors[rows]).T
  order = np.argsort(-every.round(5), axis=1, kind="stable")[:, :most]
  near = np.take_along_axis(every, order, axis=1)
  np.testing.assert_allclose(cosines, near, atol=1e-6)
  there = np.take_along_axis(every, np.searchsorted(rows, places), axis=1)
  np.testing.assert_allclose(there, near, atol=1e-6)
  assert places.shape == (4, min(most, len(rows)))


def test_of_equal_rows_the_earlier_comes_first(monkeypatch):
  monkeypatch.setattr(module, "_BLOCK", 4)
  places, _ = nearest_rows(
    np.ones((1, 2)), np.ones((9, 2), np.float32), np.arange(9), most=5
  )
  assert places.tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize(("n", "known"), [(0, 3), (2, 0)])
def test_nothing_is_near_nothing(n, known):
  places, cosines = nearest_rows(
    np.ones((n, 2)), np.ones((3, 2)), np.arange(known), most=2
  )
  assert places.shape == cosines.shape == (n, min(2, known))
