import pytest

from gr_jax.evaluation.report import verdicts


def _row(system, kind, value, ends=None, *, role="baseline"):
  """A figure, and the difference of the model to it as (low, mean, high)."""
  low, mean, high = ends or (None,) * 3
  return {
    "system": system,
    "role": role,
    "requests": kind,
    "level": "item",
    "seen": "kept",
    "segment": "all",
    "metric": "recall",
    "k": 10,
    "value": value,
    "difference": mean,
    "difference_low": low,
    "difference_high": high,
  }


def _model(kind, value):
  return _row("cq_sid", kind, value, role="model")


@pytest.mark.parametrize(
  ("ends", "word"),
  [
    ((0.01, 0.02, 0.03), "ahead"),
    ((-0.03, -0.02, -0.01), "behind"),
    ((-0.01, 0.01, 0.03), "not distinguishable"),
    ((0.0, 0.01, 0.02), "not distinguishable"),
    ((-0.02, -0.01, 0.0), "not distinguishable"),
    ((0.0, 0.0, 0.0), "not distinguishable"),
  ],
)
def test_the_verdict_is_whether_the_paired_interval_holds_zero(ends, word):
  assert verdicts.verdict(_row("bm25", "semantic", 0.5, ends)) == word


def test_intervals_of_the_figures_themselves_do_not_matter():
  """Overlap is not a test."""
  row = _row("bm25", "semantic", 0.5, (0.01, 0.02, 0.03))
  apart = row | {"low": 0.9, "high": 1.0}
  over = row | {"low": 0.0, "high": 1.0}
  assert verdicts.verdict(apart) == verdicts.verdict(over) == "ahead"


def test_a_difference_has_its_sign_and_its_interval():
  row = _row("bm25", "semantic", 0.5, (-0.0123, 0.0456, 0.1))
  assert verdicts.difference(row) == "+0.046 [-0.012, +0.100]"
  assert verdicts.difference(row, 1) == "+0.0 [-0.0, +0.1]"


def test_the_summary_names_the_best_of_each_kind_and_where_the_model_stands():
  rows = [
    _model("semantic", 0.62),
    _row("bm25", "semantic", 0.46, (0.1, 0.16, 0.2)),
    _row("query_counts", "semantic", 0.63, (-0.02, -0.01, 0.003)),
    _model("personalised", 0.68),
    _row("query_counts", "personalised", 0.63, (0.03, 0.05, 0.07)),
    _row("own_counts", "personalised", 0.75, (-0.09, -0.07, -0.05)),
    _model("next_basket", 0.2),
    _row("repeat", "next_basket", 0.18, (0.01, 0.02, 0.03)),
    _row("popularity", "next_basket", 0.1, (0.05, 0.1, 0.15)),
  ]
  assert verdicts.summary(rows) == (
    "Best at recall@10 of items. "
    "On semantic requests: query_counts (0.630); cq_sid (0.620) is not "
    "distinguishable from it: -0.010 [-0.020, +0.003]. "
    "On personalised requests: own_counts (0.750); cq_sid (0.680) is behind "
    "it: -0.070 [-0.090, -0.050]. "
    "On next basket requests: cq_sid (0.200); it is ahead of the next best, "
    "repeat (0.180): +0.020 [+0.010, +0.030]."
  )


def test_a_best_model_may_be_level_with_the_next_best():
  rows = [
    _model("semantic", 0.6),
    _row("bm25", "semantic", 0.59, (-0.01, 0.01, 0.03)),
  ]
  assert "it is not distinguishable from the next best, bm25 (0.590)" in (
    verdicts.summary(rows)
  )


def test_only_recall_at_ten_of_shown_items_is_summed_up():
  other = _row("bm25", "semantic", 0.99, (-0.5, -0.4, -0.3))
  rows = [
    _model("semantic", 0.6),
    *(
      other | changed
      for changed in (
        {"level": "id"},
        {"seen": "out"},
        {"segment": "tail"},
        {"metric": "ndcg"},
        {"k": 50},
      )
    ),
  ]
  assert "bm25" not in verdicts.summary(verdicts.shown(rows))


@pytest.mark.parametrize(
  ("repeated", "seen"),
  [
    (0.5, "kept"),
    (0.01, "kept"),
    (0.0099, "out"),
    (0.0, "out"),
    (None, "kept"),
  ],
)
def test_where_nobody_takes_an_item_twice_seen_items_are_out(repeated, seen):
  rows = [
    _row("bm25", kind, 0.5) | {"seen": treatment}
    for kind in ("semantic", "next_basket")
    for treatment in ("kept", "out")
  ]
  sampled = [
    {"requests": "next_basket", "repeated": repeated},
    {"requests": "semantic"},  # Of an earlier version.
  ]
  found = {
    row["requests"]: row["seen"] for row in verdicts.shown(rows, sampled)
  }
  assert found == {"semantic": "kept", "next_basket": seen}


def test_without_a_model_or_without_figures_nothing_is_compared():
  assert verdicts.summary([]) == ""
  alone = [_row("bm25", "semantic", 0.5), _row("nearest", "semantic", 0.6)]
  assert verdicts.summary(alone) == (
    "Best at recall@10 of items. On semantic requests: nearest (0.600)."
  )
  assert verdicts.summary([_model("semantic", 0.5)]).endswith("cq_sid (0.500).")
