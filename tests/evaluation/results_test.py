import numpy as np
import pytest

from gr_jax.data import row_lists
from gr_jax.evaluation import intervals, metrics, results

NUM_ITEMS = 30
ID_OF_ITEM = np.arange(NUM_ITEMS) // 2
HEAD = np.arange(NUM_ITEMS) < 10
NAMES = {"system": "m", "requests": "semantic", "seen": "kept"}


@pytest.fixture(scope="module")
def case():
  rng = np.random.default_rng(5)
  ranked = np.stack([rng.permutation(NUM_ITEMS)[:20] for _ in range(40)])
  relevant = row_lists.from_lists(
    [rng.choice(NUM_ITEMS, 3, replace=False) for _ in range(40)]
  )
  return ranked, relevant


def _value(rows, **wanted):
  (row,) = results.select(rows, **wanted)
  return row["value"]


def test_every_level_segment_metric_and_cutoff_has_one_row(case):
  rows = results.evaluate(*case, id_of_item=ID_OF_ITEM, head=HEAD, **NAMES)
  keys = {
    (row["level"], row["segment"], row["metric"], row["k"]) for row in rows
  }
  assert len(rows) == len(keys) == 2 * 3 * 4 * 4  # Cutoffs 1, 5, 10, 20.
  assert list(rows[0]) == [
    "system",
    "requests",
    "level",
    "seen",
    "segment",
    "metric",
    "k",
    "value",
    "low",
    "high",
    "n",
  ]


def test_a_row_is_the_mean_of_its_metric(case):
  ranked, relevant = case
  rows = results.evaluate(ranked, relevant, id_of_item=ID_OF_ITEM, **NAMES)
  by_item = metrics.request_metrics(ranked, relevant, cutoffs=(5,))
  by_id = metrics.request_metrics(
    metrics.to_ids(ranked, ID_OF_ITEM),
    row_lists.RowLists(relevant.offsets, ID_OF_ITEM[relevant.rows]),
    cutoffs=(5,),
  )
  for m, metric in enumerate(metrics.METRICS):
    wanted = {"metric": metric, "k": 5}
    item, id_ = by_item[:, m].mean(), by_id[:, m].mean()
    assert _value(rows, level="item", **wanted) == pytest.approx(item)
    assert _value(rows, level="id", **wanted) == pytest.approx(id_)


def test_a_segment_narrows_the_relevant_rows_and_counts_who_is_left(case):
  ranked, relevant = case
  rows = results.evaluate(ranked, relevant, head=HEAD, **NAMES)
  left = row_lists.where(relevant, HEAD[relevant.rows])
  counted = left.sizes > 0
  figures = metrics.request_metrics(ranked, left, cutoffs=(10,))[counted, 0]
  (row,) = results.select(rows, segment="head", metric="recall", k=10)
  assert row["value"] == pytest.approx(figures.mean())
  assert row["n"] == counted.sum() < len(ranked)


def test_a_segment_without_requests_has_no_row(case):
  rows = results.evaluate(*case, head=np.ones(NUM_ITEMS, bool), **NAMES)
  assert {row["segment"] for row in rows} == {"all", "head"}


def test_an_own_ranking_of_ids_replaces_the_implied_one(case):
  ranked, relevant = case
  nothing = np.full_like(ranked, -1)
  rows = results.evaluate(
    ranked, relevant, id_of_item=ID_OF_ITEM, ranked_ids=nothing, **NAMES
  )
  assert not any(row["value"] for row in results.select(rows, level="id"))
  assert any(row["value"] for row in results.select(rows, level="item"))


def test_intervals_are_those_over_users(case):
  users = np.arange(40) // 4
  rows = results.evaluate(*case, users=users, **NAMES)
  measured = results.measure(*case)
  figures = intervals.bootstrap(measured.values, groups=users)
  assert [row["low"] for row in rows] == figures.low.tolist()
  assert [row["k"] for row in rows] == [label[3] for label in measured.labels]


def test_perfect_rankings_reach_one(case):
  _, relevant = case
  ranked = np.stack([relevant[r] for r in range(len(relevant))])
  rows = results.evaluate(ranked, relevant, cutoffs=(3,), **NAMES)
  assert [row["value"] for row in rows] == [pytest.approx(1)] * 4
