import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from gr_jax.evaluation.baselines import (
  bm25,
  item_knn,
  nearest,
  popularity,
  query_counts,
  query_history_counts,
  repeat,
  top_items,
)
from tests.reference.plain_lists import from_lists

NUM_ITEMS = 14
WORDS = ["oat", "rye", "tea", "jam"]


def _top(scores, order, *, k, exclude=None):
  return top_items.top_items(
    lambda start, stop: scores[start:stop].copy(),
    order,
    num_requests=len(scores),
    k=k,
    exclude=exclude,
  )


def test_equal_scores_go_to_the_popular_then_to_the_lower_row():
  order = top_items.popularity_order(np.array([3, 9, 3, 5]))
  assert order.tolist() == [1, 3, 0, 2]
  zeros = np.zeros((1, 4), np.float32)
  assert _top(zeros, order, k=3).tolist() == [[1, 3, 0]]


def test_blocks_of_requests_do_not_change_the_ranking(monkeypatch):
  scores = np.random.default_rng(0).random((9, 20), np.float32)
  order = np.random.default_rng(1).permutation(20)
  hidden = from_lists([[r, r + 1] for r in range(9)])
  whole = _top(scores, order, k=5, exclude=hidden)
  monkeypatch.setattr(top_items, "_BLOCK", 40)
  np.testing.assert_array_equal(_top(scores, order, k=5, exclude=hidden), whole)


@st.composite
def _scores(draw):
  entry = st.sampled_from([-1.0, 0.0, 0.0, 0.0, 0.5, 2.0])
  row = st.lists(entry, min_size=NUM_ITEMS, max_size=NUM_ITEMS)
  rows = draw(st.lists(row, min_size=1, max_size=4))
  hidden = st.sets(st.integers(0, NUM_ITEMS - 1))
  excluded = [sorted(draw(hidden)) for _ in rows]
  return np.array(rows, np.float32), excluded, draw(st.integers(1, 20))


@given(_scores())
def test_the_ranking_is_that_of_a_full_sort(case):
  scores, excluded, k = case
  popularity_counts = np.arange(NUM_ITEMS) % 4
  order = top_items.popularity_order(popularity_counts)
  ranked = _top(scores, order, k=k, exclude=from_lists(excluded))
  column_of = np.argsort(order)
  for r, hidden in enumerate(excluded):
    left = [row for row in range(NUM_ITEMS) if row not in hidden]
    left.sort(
      key=lambda row: (-scores[r, column_of[row]], -popularity_counts[row], row)
    )
    expected = left[:k] + [-1] * (k - len(left[:k]))
    assert ranked[r].tolist() == expected


def _every_floor(histories, exclude, k):
  rng = np.random.default_rng(len(histories))
  counts = rng.integers(0, 5, NUM_ITEMS)
  vectors = rng.normal(size=(NUM_ITEMS, 3))
  texts = [" ".join(rng.choice(WORDS, 2)) for _ in range(NUM_ITEMS)]
  queries = [
    str(rng.choice([*WORDS, "unheard"])) for _ in range(len(histories))
  ]
  asked = nearest.history_vectors(vectors, histories)
  knn = item_knn.fit(histories, num_items=NUM_ITEMS)
  options = {"k": k, "exclude": exclude}
  order = top_items.popularity_order(counts)
  yield popularity.rank(order, len(histories), **options)
  ages = rng.integers(0, 3, len(histories.rows))
  yield repeat.rank(histories, ages, order, tau=2.0, **options)
  yield item_knn.rank(knn, histories, **options)
  yield bm25.rank(bm25.fit(texts, counts), queries, **options)
  yield nearest.rank(nearest.fit(vectors, counts), asked, **options)
  clicked = rng.integers(0, 2, (len(WORDS), NUM_ITEMS)).astype(np.float32)
  state = top_items.Fitted(sparse.csr_array(clicked), order)
  query = rng.integers(0, len(WORDS), len(histories))
  yield query_counts.rank(state, query, **options)
  yield query_history_counts.rank(state, query, histories, **options)


ITEMS = st.lists(st.integers(0, NUM_ITEMS - 1), max_size=12)


@given(
  st.lists(st.tuples(ITEMS, ITEMS), min_size=1, max_size=4), st.integers(1, 16)
)
def test_no_floor_returns_an_excluded_or_a_repeated_item(pairs, k):
  histories = from_lists([history for history, _ in pairs])
  exclude = from_lists([hidden for _, hidden in pairs])
  for ranked in _every_floor(histories, exclude, k):
    assert ranked.shape == (len(pairs), k)
    assert ranked.dtype == np.int32
    for row, (_, hidden) in zip(ranked, pairs):
      shown = row[row >= 0].tolist()
      assert len(set(shown)) == len(shown)
      assert not set(shown) & set(hidden)
      assert (row[len(shown) :] == -1).all()


@given(st.lists(ITEMS, min_size=1, max_size=4))
def test_exclusion_only_removes(lists):
  histories = from_lists(lists)
  kept = _every_floor(histories, None, NUM_ITEMS)
  out = _every_floor(histories, histories, NUM_ITEMS)
  for all_items, unseen in zip(kept, out):
    for whole, row, seen in zip(all_items, unseen, lists):
      expected = [x for x in whole if x >= 0 and x not in seen]
      assert row[row >= 0].tolist() == expected


def test_sparse_products_rank_as_dense_ones():
  """Rows that name an item twice, or none, among them."""
  rng = np.random.default_rng(0)
  weights = sparse.random_array((7, 20), density=0.4, rng=rng, format="csr")
  weights = weights.astype(np.float32)
  rows = sparse.csr_array(
    (np.float32([1, 0.5, 2, 3]), [2, 2, 5, 0], [0, 3, 3, 4]), (3, 7)
  )
  state = top_items.Fitted(weights, rng.permutation(20).astype(np.int32))
  dense = top_items.Fitted(weights.toarray(), state.order)
  found = top_items.top_products(state, rows, k=20, exclude=None)
  expected = top_items.top_products(dense, rows.toarray(), k=20, exclude=None)
  np.testing.assert_array_equal(found, expected)
