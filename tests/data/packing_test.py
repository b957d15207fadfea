"""Every example lies in one row, and nothing lies over anything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.data.packing import Epochs, pack

SIZES = st.lists(
  st.tuples(st.integers(1, 8), st.integers(0, 5)), min_size=1, max_size=40
)


@settings(max_examples=40, deadline=None)
@given(sizes=SIZES, window=st.integers(1, 50))
def test_examples_fit_and_do_not_overlap(sizes, window):
  places, targets = (np.array(each) for each in zip(*sizes))
  order = np.arange(len(sizes))
  rows = pack(places, targets, order, row=8, most_targets=6, window=window)
  assert sorted(np.concatenate([row.examples for row in rows])) == [*order]
  for row in rows:
    for starts, needs, most in (
      (row.places, places[row.examples], 8),
      (row.targets, targets[row.examples], 6),
    ):
      np.testing.assert_array_equal(starts, np.cumsum(needs) - needs)
      assert needs.sum() <= most


def test_long_tails_leave_little_room():
  rng = np.random.default_rng(0)
  places = 32 * np.ceil(np.minimum(rng.pareto(1.2, 3000) * 40 + 1, 1024) / 32)
  places, one = places.astype(int), np.ones(3000, int)
  rows = pack(places, one, np.arange(3000), row=1024, most_targets=64)
  assert places.sum() / (1024 * len(rows)) > 0.95


def test_batches_follow_from_their_number_and_every_epoch_is_another():
  places, targets = np.arange(1, 21) % 7 + 1, np.ones(20, int)

  def epochs():
    return Epochs(places, targets, row=8, most_targets=8, rows=2, seed=3)

  first = epochs()
  names = [
    tuple(e for row in first.rows(i) for e in row.examples) for i in range(40)
  ]
  again = epochs()
  assert names[27] == tuple(e for row in again.rows(27) for e in row.examples)
  begun, orders = [], []
  for name in names:
    begun += name
    if len(begun) == 20:
      assert sorted(begun) == [*range(20)]
      orders.append(tuple(begun))
      begun = []
  assert len(set(orders)) == len(orders) > 1


def test_what_does_not_fit_is_named():
  with pytest.raises(ValueError, match="an example has 9 places, a row 8"):
    pack(np.array([9]), np.array([1]), np.arange(1), row=8, most_targets=8)
  with pytest.raises(ValueError, match="an example has 3 targets, a row 2"):
    pack(np.array([1]), np.array([3]), np.arange(1), row=8, most_targets=2)
  none = np.zeros(0, int)
  with pytest.raises(ValueError, match="no example to learn"):
    Epochs(none, none, row=8, most_targets=2, rows=1, seed=0)
