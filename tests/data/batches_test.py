"""Epochs hold every example once; padding keeps rows and adds the first."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.data import batches


def _numbers(places, rng):
  return places.copy(), rng.integers(1 << 30)


def _epochs(count=12, batch_size=4, seed=3):
  return batches.epochs(_numbers, count, batch_size=batch_size, seed=seed)


def _take(iterator, n):
  return list(itertools.islice(iterator, n))


def test_an_epoch_holds_every_example_once_in_an_order_of_its_own():
  taken = _take(_epochs(), 6)
  first = np.concatenate([places for places, _ in taken[:3]])
  second = np.concatenate([places for places, _ in taken[3:]])
  assert sorted(first) == sorted(second) == list(range(12))
  assert first.tolist() != second.tolist()


def test_numbered_batches_go_on_where_they_stopped():
  numbered = iter(batches.numbered_batches(lambda number: np.full(2, number)))
  next(numbered)
  state = numbered.get_state()
  assert next(numbered).tolist() == [1, 1]
  numbered.set_state(state)
  assert next(numbered).tolist() == [1, 1]


def test_the_seed_decides_order_and_generators():
  def as_lists(taken):
    return [(places.tolist(), drawn) for places, drawn in taken]

  first = as_lists(_take(_epochs(), 4))
  assert as_lists(_take(_epochs(), 4)) == first
  assert as_lists(_take(_epochs(seed=4), 4)) != first
  assert len({drawn for _, drawn in first}) == 4  # One generator a batch.


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_saved_position_goes_on_at_the_exact_next_batch(batch_size):
  whole = _take(_epochs(batch_size=batch_size), 9)
  iterator = iter(_epochs(batch_size=batch_size))
  _take(iterator, 4)
  state = iterator.get_state()
  resumed = iter(_epochs(batch_size=batch_size))
  resumed.set_state(state)
  for (places, drawn), (expected, number) in zip(_take(resumed, 5), whole[4:]):
    assert places.tolist() == expected.tolist()
    assert drawn == number


def test_what_earlier_versions_drew_is_drawn_again():
  """A checkpoint keeps only the number of batches: they must stay the same."""
  (first, drawn), (second, next_drawn) = _take(_epochs(), 2)
  assert first.tolist() == [4, 6, 9, 7]
  assert second.tolist() == [5, 3, 1, 11]
  assert (drawn, next_drawn) == (577066139, 814390446)


def test_every_host_writes_the_same_batches(monkeypatch):
  monkeypatch.setattr(jax, "process_count", lambda: 2)
  taken = []
  for host in range(2):
    monkeypatch.setattr(jax, "process_index", lambda host=host: host)
    taken.append(_take(_epochs(), 4))
  for (places, drawn), (others, other_drawn) in zip(*taken):
    assert places.tolist() == others.tolist()
    assert drawn == other_drawn


@settings(deadline=None)
@given(rows=st.integers(1, 20), size=st.integers(1, 8))
def test_padded_batches_are_the_rows_and_copies_of_a_first(rows, size):
  tree = {"a": np.arange(rows), "b": (np.arange(2 * rows).reshape(-1, 2),)}
  found = list(batches.padded_batches(tree, size))
  assert all(len(batch["a"]) == len(batch["b"][0]) == size for batch in found)
  joined = jax.tree.map(lambda *x: np.concatenate(x), *found)
  for left, right in zip(jax.tree.leaves(joined), jax.tree.leaves(tree)):
    np.testing.assert_array_equal(left[:rows], right)
  assert (joined["a"][rows:] == size * (len(found) - 1)).all()


def test_no_rows_are_no_batches():
  assert not list(batches.padded_batches(np.zeros((0, 3)), 4))


def test_a_whole_batch_is_not_copied():
  rows = np.arange(4)
  assert batches.pad_rows(rows, 4) is rows
  assert batches.pad_rows(rows[1:3], 4).tolist() == [1, 2, 1, 1]


@pytest.mark.parametrize(
  ("least", "found"),
  [(0, 1), (1, 1), (2, 2), (2.1, 4), (3, 4), (8, 8), (9, 16)],
)
def test_a_power_of_two_is_the_least_that_is_enough(least, found):
  assert batches.power_of_two(least) == found
