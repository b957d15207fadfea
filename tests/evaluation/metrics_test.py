import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data import row_lists
from gr_jax.evaluation import metrics
from tests.reference.plain_lists import from_lists

RANKED = np.array([[4, 7, 2, 9], [1, 3, -1, -1]])
RELEVANT = from_lists([[2, 4, 8], [3]])
FIGURES = metrics.request_metrics(RANKED, RELEVANT, cutoffs=(1, 3, 10))


def log2(x):
  return np.log2(x)


@pytest.mark.parametrize(
  ("metric", "expected"),
  [
    ("recall", [[1 / 3, 2 / 3, 2 / 3], [0, 1, 1]]),
    ("hit_rate", [[1, 1, 1], [0, 1, 1]]),
    (
      "ndcg",
      [
        [1, *[(1 + 1 / log2(4)) / (1 + 1 / log2(3) + 1 / log2(4))] * 2],
        [0, 1 / log2(3), 1 / log2(3)],
      ],
    ),
    ("mrr", [[1, 1, 1], [0, 1 / 2, 1 / 2]]),
  ],
)
def test_metric_is_its_equation(metric, expected):
  figures = FIGURES[:, metrics.METRICS.index(metric)]
  np.testing.assert_allclose(figures, expected)


def test_a_row_ranked_twice_counts_at_its_first_place():
  hits = metrics.hit_matrix(np.array([[5, 5, 6]]), from_lists([[5, 6]]))
  assert hits.tolist() == [[True, False, True]]


def test_a_relevant_row_given_twice_is_one_row():
  once = metrics.request_metrics(RANKED[:1], from_lists([[2, 4]]))
  twice = metrics.request_metrics(RANKED[:1], from_lists([[2, 4, 2]]))
  np.testing.assert_array_equal(once, twice)


def test_a_request_without_relevant_rows_is_not_counted():
  figures = metrics.request_metrics(RANKED, from_lists([[], [3]]))
  assert np.isnan(figures[0]).all()
  assert not np.isnan(figures[1]).any()


def test_rankings_and_relevant_rows_must_belong_together():
  with pytest.raises(ValueError, match="2 rankings but 1 sets"):
    metrics.hit_matrix(RANKED, from_lists([[1]]))


def test_a_row_never_hits_the_neighbouring_request():
  hits = metrics.hit_matrix(np.array([[12, 3], [0, 1]]), from_lists([[1], [2]]))
  assert not hits.any()


@st.composite
def _cases(draw, num_items=12):
  requests = draw(st.integers(1, 5))
  items = st.permutations(range(num_items))
  ranked = np.array([draw(items)[:8] for _ in range(requests)])
  ranked[:, draw(st.integers(0, 8)) :] = -1
  relevant = [
    draw(st.sets(st.integers(0, num_items - 1), min_size=1))
    for _ in range(requests)
  ]
  return ranked, [sorted(one) for one in relevant]


@given(_cases())
def test_order_of_requests_does_not_matter(case):
  ranked, relevant = case
  figures = metrics.request_metrics(ranked, from_lists(relevant))
  turned = metrics.request_metrics(ranked[::-1], from_lists(relevant[::-1]))
  np.testing.assert_allclose(turned, figures[::-1], rtol=1e-12)


@given(_cases())
def test_figures_lie_in_the_unit_interval_and_only_ndcg_may_fall_with_k(case):
  ranked, relevant = case
  figures = metrics.request_metrics(
    ranked, from_lists(relevant), cutoffs=range(1, 11)
  )
  assert figures.min() >= 0
  assert figures.max() <= 1 + 1e-12
  rising = [metrics.METRICS.index(m) for m in ("recall", "hit_rate", "mrr")]
  assert np.diff(figures[:, rising], axis=2).min() >= 0


@given(_cases())
def test_hits_are_those_of_a_search_in_sets(case):
  ranked, relevant = case
  hits = metrics.hit_matrix(ranked, from_lists(relevant))
  expected = [[x in one for x in row] for row, one in zip(ranked, relevant)]
  np.testing.assert_array_equal(hits, expected)


@given(_cases())
def test_the_perfect_ranking_has_ndcg_one(case):
  ranked, relevant = case
  for r, one in enumerate(relevant):
    ranked[r] = (one + [20 + i for i in range(8)])[:8]
  figures = metrics.request_metrics(
    ranked, from_lists(relevant), cutoffs=(1, 3, 8)
  )
  np.testing.assert_allclose(figures[:, 2], 1)
  np.testing.assert_allclose(figures[:, 3], 1)


@given(_cases(), st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_ids_keep_their_first_place(case, id_of_item):
  ranked, _ = case
  id_of_item = np.array(id_of_item)
  for row, ids in zip(ranked, metrics.to_ids(ranked, id_of_item)):
    expected = list(dict.fromkeys(id_of_item[row[row >= 0]].tolist()))
    assert ids.tolist() == expected + [-1] * (len(row) - len(expected))


@given(_cases(), st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_an_id_is_found_no_later_than_its_item(case, id_of_item):
  ranked, relevant = case
  id_of_item = np.array(id_of_item)
  one = np.array([items[0] for items in relevant])
  single = np.arange(len(one) + 1)
  cutoffs = range(1, 9)
  by_item = metrics.request_metrics(
    ranked, row_lists.RowLists(single, one), cutoffs=cutoffs
  )
  by_id = metrics.request_metrics(
    metrics.to_ids(ranked, id_of_item),
    row_lists.RowLists(single, id_of_item[one]),
    cutoffs=cutoffs,
  )
  assert (by_id >= by_item).all()


def test_head_is_the_fewest_items_with_the_share_of_events():
  head = metrics.head_items(np.array([1, 6, 1, 2]), share=0.8)
  assert head.tolist() == [False, True, False, True]
  assert metrics.head_items(np.array([1, 6, 1, 2]), share=0.6).sum() == 1
  ties = metrics.head_items(np.array([2, 2, 2]), share=0.5)
  assert ties.tolist() == [True, True, False]
