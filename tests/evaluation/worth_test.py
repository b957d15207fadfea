import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data import request_lists
from gr_jax.data.requests import CLICKED
from gr_jax.data.target_values import TargetValues
from gr_jax.evaluation import worth
from tests.reference.small_world import shop

ROWS = np.arange(40)


def paid_of(log, row):
  """What was paid at a request, by item."""
  page, found = slice(*log.page_offsets[row : row + 2]), {}
  for item, kind, value in zip(
    log.page_item[page], log.page_kind[page], log.page_value[page]
  ):
    if kind >= CLICKED:
      found[item] = max(found.get(item, 0), value)
  return found


@given(st.integers(0, 1000))
def test_value_is_what_was_paid_for_the_items_among_the_first(seed):
  """Each once, wherever it stands again."""
  log = shop().requests
  rng = np.random.default_rng(seed)
  ranked = rng.integers(-1, 60, (len(ROWS), 8))
  relevant = request_lists.targets(log, ROWS)
  found = worth.measure(
    ranked, relevant, TargetValues(log), ROWS, cutoffs=(1, 5, 10)
  )
  assert found.labels == [("item", "all", "value", k) for k in (1, 5)]
  for row, items, values in zip(ROWS, ranked, found.values):
    paid = paid_of(log, row)
    if not paid:
      assert np.isnan(values).all()
      continue
    wanted = [
      sum(paid.get(item, 0) for item in set(items[:k].tolist())) for k in (1, 5)
    ]
    np.testing.assert_allclose(values, wanted, rtol=1e-6)


def test_what_is_taken_out_of_the_targets_earns_nothing():
  log = shop().requests
  relevant = request_lists.targets(log, ROWS)
  nothing = type(relevant)(np.zeros_like(relevant.offsets), relevant.rows[:0])
  ranked = np.tile(np.arange(60), (len(ROWS), 1))
  found = worth.measure(ranked, nothing, TargetValues(log), ROWS)
  assert np.isnan(found.values).all()


def test_nothing_earns_more_than_the_dearest_targets():
  log = shop().requests
  best = worth.dearest(TargetValues(log), ROWS, count=3)
  for row, line in zip(ROWS, best):
    top = sorted(paid_of(log, row).values(), reverse=True)[:3]
    np.testing.assert_allclose(line, top + [0] * (3 - len(top)), rtol=1e-6)


def test_what_was_paid_for_targets_is_found_where_they_are_ranked():
  ranked = np.array([[4, 7, -1], [3, -1, -1], [5, 6, 8]])
  found = worth.found(
    ranked,
    owners=np.array([0, 0, 0, 1, 1]),
    targets=np.array([7, 5, 4, 3, 4]),
    values=np.array([1.0, 20.0, 300.0, 4000.0, 50000.0]),
  )
  np.testing.assert_array_equal(found, [301.0, 4000.0, 0.0])
