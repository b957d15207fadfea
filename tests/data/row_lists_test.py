"""Flat lists do what ordinary lists do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data import row_lists
from tests.reference.plain_lists import from_lists

LISTS = st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=5)


def _lists(flat):
  return [flat[r].tolist() for r in range(len(flat))]


def test_offsets_that_do_not_cover_the_rows_are_an_error():
  with pytest.raises(ValueError, match="rise from 0 to 3"):
    row_lists.RowLists(np.array([0, 2]), np.arange(3))


@given(LISTS)
def test_flat_lists_are_the_lists(lists):
  flat = from_lists(lists)
  assert _lists(flat) == lists
  assert flat.sizes.tolist() == [len(one) for one in lists]


@given(LISTS)
def test_distinct_keeps_first_occurrences_in_order(lists):
  expected = [list(dict.fromkeys(one)) for one in lists]
  assert _lists(row_lists.distinct(from_lists(lists))) == expected


@given(st.lists(st.tuples(*[st.lists(st.integers(0, 5))] * 2), max_size=5))
def test_without_removes_only_what_the_same_request_names(pairs):
  lists = [one for one, _ in pairs]
  others = [other for _, other in pairs]
  left = row_lists.without(from_lists(lists), from_lists(others))
  expected = [[x for x in one if x not in other] for one, other in pairs]
  assert _lists(left) == expected


@given(LISTS, st.integers(1, 4))
def test_newest_are_the_last_entries(lists, count):
  flat = row_lists.newest(from_lists(lists), count)
  assert _lists(flat) == [one[-count:] for one in lists]


@given(LISTS, st.integers(0, 5), st.integers(0, 5))
def test_part_is_a_slice_of_the_lists(lists, start, size):
  start = min(start, len(lists))
  stop = min(start + size, len(lists))
  part = row_lists.part(from_lists(lists), start, stop)
  assert _lists(part) == lists[start:stop]


def test_spans_may_overlap():
  spans = row_lists.from_spans(
    np.array([7, 8, 9]), np.array([0, 1, 2]), np.array([2, 3, 2])
  )
  assert _lists(spans) == [[7, 8], [8, 9], []]


@given(LISTS, LISTS)
def test_joined_lists_are_sums_of_lists(first, second):
  count = min(len(first), len(second))
  first, second = first[:count], second[:count]
  found = row_lists.joined(from_lists(first), from_lists(second))
  assert _lists(found) == [a + b for a, b in zip(first, second)]
