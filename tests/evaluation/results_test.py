import numpy as np
import pytest

from gr_jax.data import row_lists
from gr_jax.evaluation import intervals, metrics, results
from tests.reference.plain_lists import from_lists

NUM_ITEMS = 30
ID_OF_ITEM = np.arange(NUM_ITEMS) // 2
HEAD = np.arange(NUM_ITEMS) < 10
NAMES = {
  "system": "m",
  "role": "model",
  "requests": "semantic",
  "seen": "kept",
}


def evaluate(ranked, relevant, *, users=None, **options):
  measured = results.measure(ranked, relevant, **options)
  return results.rows(measured, NAMES, users=users)


@pytest.fixture(scope="module")
def case():
  rng = np.random.default_rng(5)
  ranked = np.stack([rng.permutation(NUM_ITEMS)[:20] for _ in range(40)])
  relevant = from_lists(
    [rng.choice(NUM_ITEMS, 3, replace=False) for _ in range(40)]
  )
  return ranked, relevant


def _value(rows, **wanted):
  (row,) = results.select(rows, **wanted)
  return row["value"]


def test_every_level_segment_metric_and_cutoff_has_one_row(case):
  rows = evaluate(*case, id_of_item=ID_OF_ITEM, head=HEAD)
  keys = {
    (row["level"], row["segment"], row["metric"], row["k"]) for row in rows
  }
  assert len(rows) == len(keys) == 2 * 3 * 4 * 4  # Cutoffs 1, 5, 10, 20.
  assert list(rows[0]) == [
    "system",
    "role",
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
    "difference",
    "difference_low",
    "difference_high",
  ]


def test_a_row_is_the_mean_of_its_metric(case):
  ranked, relevant = case
  rows = evaluate(ranked, relevant, id_of_item=ID_OF_ITEM)
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
  rows = evaluate(ranked, relevant, head=HEAD)
  left = row_lists.where(relevant, HEAD[relevant.rows])
  counted = left.sizes > 0
  figures = metrics.request_metrics(ranked, left, cutoffs=(10,))[counted, 0]
  (row,) = results.select(rows, segment="head", metric="recall", k=10)
  assert row["value"] == pytest.approx(figures.mean())
  assert row["n"] == counted.sum() < len(ranked)


def test_a_segment_without_requests_has_no_row(case):
  rows = evaluate(*case, head=np.ones(NUM_ITEMS, bool))
  assert {row["segment"] for row in rows} == {"all", "head"}


def test_an_own_ranking_of_ids_replaces_the_implied_one(case):
  ranked, relevant = case
  nothing = np.full_like(ranked, -1)
  rows = evaluate(ranked, relevant, id_of_item=ID_OF_ITEM, ranked_ids=nothing)
  assert not any(row["value"] for row in results.select(rows, level="id"))
  assert any(row["value"] for row in results.select(rows, level="item"))


def test_intervals_are_those_over_users(case):
  users = np.arange(40) // 4
  rows = evaluate(*case, users=users)
  measured = results.measure(*case)
  figures = intervals.bootstrap(measured.values, groups=users)
  assert [row["low"] for row in rows] == figures.low.tolist()
  assert [row["k"] for row in rows] == [label[3] for label in measured.labels]


def test_the_difference_is_that_of_the_same_requests(case):
  ranked, relevant = case
  rng = np.random.default_rng(1)
  others = np.stack([rng.permutation(NUM_ITEMS)[:20] for _ in range(40)])
  users = np.arange(40) // 4
  own = results.measure(ranked, relevant, head=HEAD)
  other = results.measure(others, relevant, head=HEAD)
  rows = results.rows(other, NAMES, users=users, model=own, seed=3)
  weights = rng_counts(len(np.unique(users)), seed=3)
  for row, label in zip(rows, other.labels):
    m = own.labels.index(label)
    pairs = own.values[:, m] - other.values[:, m]
    counted = ~np.isnan(pairs)
    assert row["difference"] == pytest.approx(pairs[counted].mean())
    assert row["n"] == counted.sum()
    sums = np.array([np.nansum(pairs[users == u]) for u in range(10)])
    sizes = np.array([counted[users == u].sum() for u in range(10)])
    means = (weights @ sums) / (weights @ sizes)
    low, high = np.quantile(means, [0.025, 0.975])
    assert row["difference_low"] == pytest.approx(min(low, row["difference"]))
    assert row["difference_high"] == pytest.approx(max(high, row["difference"]))


def rng_counts(num_users, *, seed, resamples=1000):
  """`[resamples, U]` how often every user is drawn."""
  drawn = np.random.default_rng(seed).integers(
    num_users, size=(resamples, num_users)
  )
  return np.stack([np.bincount(row, minlength=num_users) for row in drawn])


def test_the_difference_is_the_model_minus_the_system(case):
  """Not the other way round: the model is ahead where it is positive."""
  ranked, relevant = case
  perfect = np.stack([relevant[r] for r in range(len(relevant))])
  own, other = (
    results.measure(answers, relevant, cutoffs=(3,))
    for answers in (perfect, ranked)
  )
  for row in results.rows(other, NAMES, model=own):
    assert row["difference"] == pytest.approx(1 - row["value"])
    assert row["difference_low"] > 0


def test_the_model_has_no_difference_to_itself(case):
  for row in evaluate(*case):
    assert row["difference"] is None
    assert row["difference_low"] is None
    assert row["difference_high"] is None


def test_figures_of_other_cutoffs_are_not_compared(case):
  ranked, relevant = case
  own = results.measure(ranked[:, :5], relevant)
  other = results.measure(ranked, relevant)
  with pytest.raises(ValueError, match="same cutoffs"):
    results.rows(other, NAMES, model=own)


def test_perfect_rankings_reach_one(case):
  _, relevant = case
  ranked = np.stack([relevant[r] for r in range(len(relevant))])
  rows = evaluate(ranked, relevant, cutoffs=(3,))
  assert [row["value"] for row in rows] == [pytest.approx(1)] * 4


def test_systems_stand_by_their_best_figure_and_kinds_in_their_order():
  rows = [
    {"system": name, "requests": kind, "value": value}
    for name, kind, value in (
      ("a", "z", 0.1), ("b", "z", 0.3), ("c", "y", 0.3), ("a", "y", 0.5)
    )
  ]  # fmt: skip
  assert results.from_best(rows) == ["a", "b", "c"]
  assert results.kinds(rows) == ["z", "y"]
