import numpy as np

from gr_jax.ranking.sim.features import PairWriter, look_up, make_tables
from tests.reference.small_world import shop

WEEK = 7 * 86_400


def tables(depth=2):
  world = shop()
  return make_tables(world.catalogue, world.items.x, world.query_x, depth=depth)


def test_histories_are_the_latest_events_before_the_request():
  log = shop().requests
  rows = np.arange(100, 400, 31)
  pairs = PairWriter(log, window=4)(rows, np.zeros(len(rows), int))
  for row, items, ages, mask in zip(
    rows, pairs.history, pairs.ages, pairs.mask
  ):
    history = log.history(row)[-4:]
    np.testing.assert_array_equal(items[mask], history)
    times = log.event_time[log.history_end[row] - len(history) :]
    expected = (log.time[row] - times[: len(history)]) / WEEK
    np.testing.assert_allclose(ages[mask], expected, rtol=1e-6)
    assert (ages[mask] > 0).all()


def test_row_numbers_become_their_vectors():
  world, log = shop(), shop().requests
  rows, items = np.arange(200, 220), np.arange(20)
  found = look_up(tables(), PairWriter(log, window=3)(rows, items))
  np.testing.assert_array_equal(found.vectors, world.items.x[items])
  expected = world.catalogue.categories[items, 1]
  np.testing.assert_array_equal(found.categories, expected)
  searched = log.query[rows] >= 0
  assert searched.any()
  assert not searched.all()
  np.testing.assert_array_equal(
    found.queries[searched], world.query_x[log.query[rows][searched]]
  )
  assert not np.asarray(found.queries)[~searched].any()


def test_without_a_depth_no_item_has_a_category():
  assert (np.asarray(tables(depth=0).categories) == -1).all()
  coarse = np.asarray(tables(depth=1).categories)
  np.testing.assert_array_equal(coarse, shop().catalogue.categories[:, 0])


def test_popularity_is_standardised():
  popularity = np.asarray(tables().popularity)
  np.testing.assert_allclose(popularity.mean(), 0, atol=1e-5)
  np.testing.assert_allclose(popularity.std(), 1, atol=1e-5)
