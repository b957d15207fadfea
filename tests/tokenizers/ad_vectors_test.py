"""Facts keep their numbers, and what came later is not known."""

import numpy as np

from gr_jax.tokenizers.ad_vectors import Facts, facts_of

FIELDS = np.array([["b", "x"], ["a", None], ["b", "y"], [None, "x"]], object)


def test_facts_are_numbers_whatever_the_order_of_the_ads():
  facts = facts_of(FIELDS, num_categories=3)
  assert facts == facts_of(FIELDS[::-1], num_categories=3)
  assert facts.sizes == (3, 2, 2)
  found = facts.rows(np.array([2, -1, 0, 1]), FIELDS)
  assert found.tolist() == [[2, 1, 0], [-1, 0, -1], [0, 1, 1], [1, -1, 0]]
  assert found.dtype == np.int32


def test_what_came_after_the_fit_is_not_known():
  facts = facts_of(FIELDS, num_categories=3)
  later = np.array([["c", "x"], ["a", "z"]], object)
  assert facts.rows(np.array([3, 9]), later).tolist() == [
    [-1, -1, 0],
    [-1, 0, -1],
  ]
  assert facts.rows(None, later)[:, 0].tolist() == [-1, -1]


def test_a_catalogue_without_facts_has_tables_of_one_row():
  """A parameter of no rows cannot be read."""
  assert facts_of(np.full((4, 1), None), num_categories=0).sizes == (1, 1)
  assert Facts(0).rows(np.full(2, -1), np.empty((2, 0))).tolist() == [[-1]] * 2
