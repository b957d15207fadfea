"""The neighbours of an item vote on its category."""

import numpy as np
import pytest

from gr_jax.candidates import nearest_rows
from gr_jax.serving.catalogue import nearest_category
from gr_jax.serving.catalogue.nearest_category import TEMPERATURE, Vote, vote
from tests.serving.page.browse_test import shop

CODES = [(0, 0, 0), (0, 1, 0), (1, 0, 1), (2, 3, 1), (2, 3, 0)]
PATHS = [["a", "x"], ["a", "x"], ["a", "y"], ["b"], []]
# Angles of the vectors, of any length.
ANGLES = np.array([0.0, 0.1, 0.0, 1.5, 0.0])
LENGTHS = np.array([2, 1, 1, 3, 1])
VECTORS = LENGTHS[:, None] * np.stack((np.cos(ANGLES), np.sin(ANGLES)), 1)


def items(**options):
  return shop(CODES, categories=PATHS, **options).items


def test_shares_are_weights_of_cosines():
  (found,) = vote(np.array([[1.0, 0.0]]), VECTORS, items())
  weights = np.exp((np.cos(ANGLES[:4]) - 1) / TEMPERATURE)
  assert found.category == "a > x"
  assert found.share == pytest.approx((weights[0] + weights[1]) / weights.sum())


def test_each_new_item_has_a_vote_of_its_own():
  wanted = np.array([[0.0, 2.0], [0.0, 0.0], [5.0, 0.0]])
  up, nothing, right = vote(wanted, VECTORS, items())
  assert up == Vote("b", pytest.approx(1, abs=1e-6))
  assert nothing is None
  assert right.category == "a > x"


def test_only_the_nearest_vote(monkeypatch):
  monkeypatch.setattr(nearest_category, "NEIGHBOURS", 1)
  (found,) = vote(np.array([[1.0, 0.0]]), VECTORS, items())
  assert found == Vote("a > x", 1.0)


def test_the_removed_and_those_without_a_category_do_not_vote():
  left = items(gone=[0, 1])
  (found,) = vote(np.array([[1.0, 0.0]]), VECTORS, left)
  assert found == Vote("a > y", pytest.approx(1, abs=1e-6))
  (found,) = vote(np.array([[1.0, 0.0]]), VECTORS, items(gone=[0, 1, 2, 3]))
  assert found is None


def test_blocks_do_not_change_the_vote(monkeypatch):
  wanted = np.array([[1.0, 0.2], [0.2, 1.0]])
  whole = vote(wanted, VECTORS, items())
  monkeypatch.setattr(nearest_rows, "_BLOCK", 4)
  assert vote(wanted, VECTORS, items()) == whole


def test_a_catalogue_without_categories_has_no_vote():
  assert vote(np.ones((2, 2)), VECTORS, shop(CODES).items) == [None, None]
