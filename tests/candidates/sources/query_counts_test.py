import numpy as np

from gr_jax.candidates.sources.query_counts import QueryCounts
from gr_jax.data.catalogue import object_array

# Of three queries and four items; the second query led to nothing.
TABLE = np.array([[5, 0, 2, 9], [0, 0, 0, 0], [0, 7, 7, 0]])


def made() -> QueryCounts:
  keys = np.flatnonzero(TABLE)
  return QueryCounts(keys, TABLE.ravel()[keys], num_queries=3, num_items=4)


def test_counts_are_those_of_the_table():
  counts = made()
  np.testing.assert_array_equal(counts.of(np.arange(12)), TABLE.ravel())
  np.testing.assert_array_equal(counts.of(np.array([-1, 99])), [0, 0])
  np.testing.assert_array_equal(counts.totals, [16, 0, 14, 0])
  np.testing.assert_array_equal(counts.matrix().toarray(), TABLE)


def test_the_best_items_of_queries_have_the_largest_counts():
  whose, items = made().best(np.array([2, 1, 0]), most=2)
  np.testing.assert_array_equal(whose, [0, 0, 2, 2])
  np.testing.assert_array_equal(items, [1, 2, 3, 0])


def test_a_new_item_has_the_largest_counts_of_the_items_of_its_text():
  texts = object_array(["cup", "plate", "cup", "cup", "cup", "bowl", "plate"])
  grown = made().grown(texts)
  expected = np.zeros((3, 7), int)
  expected[:, :4] = TABLE
  expected[:, 4] = [9, 0, 7]  # Of the three cups.
  expected[:, 6] = TABLE[:, 1]
  np.testing.assert_array_equal(grown.of(np.arange(21)), expected.ravel())
  # A third version grows from the second as from the first.
  again = made().grown(texts[:5]).grown(texts)
  np.testing.assert_array_equal(again.of(np.arange(21)), expected.ravel())
  np.testing.assert_array_equal(grown.totals, made().totals)
  assert set(grown.best(np.array([0]), most=2)[1]) == {3, 4}
