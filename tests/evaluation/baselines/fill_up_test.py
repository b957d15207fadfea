import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.evaluation.baselines.fill_up import fill_up
from gr_jax.evaluation.baselines.top_items import popularity_order
from tests.reference.plain_lists import from_lists

NUM_ITEMS = 8
ORDER = popularity_order(np.array([3, 1, 4, 1, 5, 9, 2, 6]))


def test_own_items_come_first_and_the_popular_ones_follow():
  filled = fill_up(from_lists([[3, 5], []]), ORDER, k=4, exclude=None)
  assert filled.tolist() == [[3, 5, 7, 4], [5, 7, 4, 2]]


def test_the_end_of_the_catalogue_is_empty():
  filled = fill_up(
    from_lists([[3], [0, 1]]), ORDER, k=9, exclude=from_lists([[5], [0]])
  )
  assert filled.tolist() == [
    [3, 7, 4, 2, 0, 6, 1, -1, -1],
    [1, 5, 7, 4, 2, 6, 3, -1, -1],
  ]


ITEMS = st.lists(st.integers(0, NUM_ITEMS - 1), max_size=6)
DISTINCT = st.lists(st.integers(0, NUM_ITEMS - 1), max_size=6, unique=True)


@given(
  st.lists(st.tuples(DISTINCT, ITEMS), min_size=1, max_size=4),
  st.integers(1, 10),
)
def test_it_is_the_list_then_the_popular_without_either(pairs, k):
  lists, hidden = zip(*pairs)
  for exclude in (None, from_lists(hidden)):
    filled = fill_up(from_lists(lists), ORDER, k=k, exclude=exclude)
    for r, own in enumerate(lists):
      unwanted = [] if exclude is None else hidden[r]
      own = [row for row in own if row not in unwanted]
      more = [row for row in ORDER if row not in own and row not in unwanted]
      expected = (own + more)[:k]
      assert filled[r].tolist() == expected + [-1] * (k - len(expected))
  assert filled.dtype == np.int32
