import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from gr_jax.evaluation.baselines import query_counts, query_history_counts
from gr_jax.evaluation.baselines.top_items import Fitted, popularity_order
from tests.reference.plain_lists import from_lists
from tests.reference.small_world import shop

NUM_ITEMS = 8
POPULARITY = np.array([3, 1, 4, 1, 5, 9, 2, 6])
ORDER = popularity_order(POPULARITY)  # 5, 7, 4, 2, 0, 6, 1, 3.


def _state(counts):
  counts = np.array(counts, np.float32)
  return Fitted(sparse.csr_array(counts[:, ORDER]), ORDER)


def test_seen_for_the_query_then_own_then_count_then_popularity():
  #               0  1  2  3  4  5  6  7
  state = _state([[2, 0, 1, 1, 0, 0, 7, 0], [0] * NUM_ITEMS])
  query = np.array([0, 0, 1, 1])
  histories = from_lists([[3, 2, 3, 1, 1, 1], [], [1, 3, 3], []])
  ranked = query_history_counts.rank(state, query, histories, k=NUM_ITEMS)
  assert ranked.tolist() == [
    # Own 2, own 1, then counts 7 and 2; then own 3 without a count; the rest.
    [3, 2, 6, 0, 1, 5, 7, 4],
    # As `query_counts`; 2 is more popular than 3.
    [6, 0, 2, 3, 5, 7, 4, 1],
    # A query that training never saw: own 2, own 1.
    [3, 1, 5, 7, 4, 2, 0, 6],
    ORDER.tolist(),
  ]


def test_excluded_items_make_room():
  state = _state([[2, 0, 1, 1, 0, 0, 7, 0]])
  hidden = from_lists([[3, 5]])
  ranked = query_history_counts.rank(
    state, np.array([0]), from_lists([[3, 2]]), k=4, exclude=hidden
  )
  assert ranked.tolist() == [[2, 6, 0, 7]]


COUNTS = st.lists(st.integers(0, 3), min_size=NUM_ITEMS, max_size=NUM_ITEMS)
HISTORY = st.lists(st.integers(0, NUM_ITEMS - 1), max_size=10)


@given(
  st.lists(st.tuples(COUNTS, HISTORY), min_size=1, max_size=4),
  st.integers(1, NUM_ITEMS + 2),
)
def test_the_ranking_is_the_lexicographic_order(cases, k):
  counts, histories = zip(*cases)
  query = np.arange(len(cases))[::-1]
  ranked = query_history_counts.rank(
    _state(counts), query, from_lists(histories), k=k
  )
  for r, history in enumerate(histories):
    count = counts[query[r]]
    expected = sorted(
      range(NUM_ITEMS),
      key=lambda j: (
        -(count[j] > 0), -history.count(j), -count[j], -POPULARITY[j], j
      ),
    )[:k]  # fmt: skip
    assert ranked[r].tolist() == expected + [-1] * (k - len(expected))


def test_without_histories_it_is_the_query_counts():
  requests, popularity = shop().requests, shop().catalogue.popularity
  state = query_counts.fit(requests, popularity)
  query = np.arange(len(requests.queries))
  nobody = from_lists([[]] * len(query))
  np.testing.assert_array_equal(
    query_history_counts.rank(state, query, nobody, k=20),
    query_counts.rank(state, query, k=20),
  )
