import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data import row_lists
from gr_jax.evaluation import metrics, results
from gr_jax.evaluation.graded import graded_ndcg, measure
from tests.reference.plain_lists import from_lists


def drawn(seed, top):
  rng = np.random.default_rng(seed)
  ranked = rng.integers(-1, 12, (5, 8))
  lists = [rng.permutation(12)[: rng.integers(0, 6)] for _ in range(5)]
  judged = from_lists(lists)
  return ranked, judged, rng.integers(0, top + 1, len(judged.rows))


@given(st.integers(0, 1000), st.sampled_from([3, 8, 10]))
def test_it_is_the_discounted_sum_of_grades_over_the_best(seed, k):
  ranked, judged, grades = drawn(seed, 3)
  for r, found in enumerate(graded_ndcg(ranked, judged, grades, k=k)):
    mine = dict(zip(judged[r].tolist(), grades[judged.owners == r].tolist()))
    best = sorted(mine.values(), reverse=True)[:k]
    ideal = sum(g / np.log2(i + 2) for i, g in enumerate(best))
    gain, seen = 0, set()
    for i, row in enumerate(ranked[r][:k].tolist()):
      gain += mine.get(row, 0) * (row not in seen) / np.log2(i + 2)
      seen.add(row)
    expected = gain / ideal if ideal else np.nan
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@given(st.integers(0, 1000))
def test_of_two_grades_it_is_the_plain_one(seed):
  ranked, judged, grades = drawn(seed, 1)
  relevant = row_lists.where(judged, grades > 0)
  plain = metrics.request_metrics(ranked, relevant, cutoffs=(5,))
  np.testing.assert_allclose(
    graded_ndcg(ranked, judged, grades, k=5),
    plain[:, metrics.METRICS.index("ndcg"), 0],
    rtol=1e-6,
  )


def test_the_best_order_has_one_and_others_less():
  judged = from_lists([[4, 7], [4, 7]])
  found = graded_ndcg(np.array([[7, 4], [4, 7]]), judged, [1, 2, 1, 2])
  np.testing.assert_allclose(found[0], 1)
  assert found[1] < 1


def test_what_does_not_belong_together_is_refused():
  judged = from_lists([[4, 7]])
  with pytest.raises(ValueError, match="1 grades for 2 judged"):
    graded_ndcg(np.array([[7]]), judged, np.ones(1))


def test_rows_hold_the_means_of_requests_that_count():
  ranked, judged, grades = drawn(3, 3)
  measured = measure(ranked, judged, grades, cutoffs=(5, 99))
  names = dict.fromkeys(("system", "role", "requests", "seen"), "")
  (row,) = results.rows(measured, names)
  values = graded_ndcg(ranked, judged, grades, k=5)
  counted = values[~np.isnan(values)]
  np.testing.assert_allclose(row["value"], counted.mean(), rtol=1e-6)
  assert row["n"] == len(counted)
  assert row["low"] <= row["value"] <= row["high"]
  assert (row["metric"], row["k"]) == ("graded_ndcg", 5)


def test_without_any_judgment_nothing_is_known():
  found = graded_ndcg(np.array([[7, 4], [1, -1]]), from_lists([[], []]), [])
  assert np.isnan(found).all()
