"""Each reason needs evidence, and says it with its figures."""

import types

import numpy as np

from experiments.updates.settings import UpdateConfig
from experiments.updates.verdict import (
  HITS,
  Judge,
  bad_batch,
  forgetting,
  moved,
)


def row(part, what, metric, value, low, high) -> dict:
  return {
    "slice": part, "what": what, "metric": metric,
    "value": value, "low": low, "high": high, "n": 50,
  }  # fmt: skip


def test_worse_by_more_than_the_interval_is_forgetting():
  for part in ("old", "learned", "newest"):
    worse = row(part, "difference", HITS, -0.1, -0.18, -0.02)
    worse |= {"changed": 6}
    (reason,) = forgetting([worse])
    assert "falls by 0.100 (0.020 to 0.180, n = 50)" in reason
    assert forgetting([worse | {"high": 0.0}]) == []
    assert forgetting([worse | {"metric": "loss"}]) == []
    (reason,) = forgetting([worse | {"metric": "value@10"}])
    assert reason.startswith("value@10 on ")
    # Five users who lose are chance: 2^-5 is above 2.5 %.
    assert forgetting([worse | {"changed": 5}]) == []


def test_better_is_never_forgetting():
  assert (
    forgetting(
      [row("old", "difference", HITS, 0.1, 0.05, 0.2) | {"changed": 9}]
    )
    == []
  )


def gaps(old: tuple, new: tuple) -> list[dict]:
  return [
    row("old", "before", "gap", *old),
    row("arrived", "before", "gap", *new),
  ]


def test_a_batch_is_bad_where_its_gap_is_surely_below_the_share_of_the_old():
  bad = gaps((1.0, 0.8, 1.2), (0.0, -0.2, 0.2))
  (reason,) = bad_batch(bad, least_gap=0.5)
  assert "0.000 (-0.200 to 0.200, n = 50) nats" in reason
  assert "1.000 (0.800 to 1.200, n = 50)" in reason
  # A small batch is no evidence, and neither is a model that knows nothing.
  assert bad_batch(gaps((1.0, 0.8, 1.2), (0.0, -0.6, 0.6)), least_gap=0.5) == []
  assert (
    bad_batch(gaps((0.1, -0.1, 0.3), (0, -0.01, 0.01)), least_gap=0.5) == []
  )
  assert bad_batch(bad, least_gap=0.2) == []
  # The old gap is hardly known.
  assert bad_batch(gaps((1.0, 0.3, 1.7), (0, -0.2, 0.2)), least_gap=0.5) == []
  assert bad_batch(bad[:1], least_gap=0.5) == []
  assert bad_batch([bad[0], bad[1] | {"n": 19}], least_gap=0.5) == []


def test_beside_learned_requests_a_batch_must_show_no_gap_of_its_own():
  def learned(new: tuple) -> list[dict]:
    old, arrived = gaps((3.0, 2.8, 3.2), new)
    return [old | {"slice": "learned"}, arrived]

  assert bad_batch(learned((0.0, -0.2, 0.2)), least_gap=0.5)
  # What is not known by heart: half a nat, and surely more than none.
  assert bad_batch(learned((0.5, 0.3, 0.7)), least_gap=0.5) == []
  assert bad_batch(gaps((3.0, 2.8, 3.2), (0.5, 0.3, 0.7)), least_gap=0.5)
  assert bad_batch(learned((0.0, -0.2, 2.0)), least_gap=0.5) == []


def test_inputs_above_the_limit_are_named():
  drift = {"first_code": 0.2, "request": 1.5, "words": float("nan")}
  (reason,) = moved(drift, most=1.0)
  assert "index: request by 1.50, where 1 is the most" in reason
  both = drift | {"words": 2.0}
  assert "request by 1.50, words by 2.00, where" in moved(both, most=1.0)[0]
  assert moved(drift, most=np.inf) == []


def test_the_gap_is_what_the_answer_of_another_costs_more():
  judge = types.SimpleNamespace(_config=UpdateConfig())
  losses = np.array([[1.0, 3.0], [2.0, 5.0]])
  found = Judge._rows(judge, "losses", losses, np.arange(2), {"slice": "old"})
  values = {row["metric"]: row["value"] for row in found}
  assert values == {"loss": 1.5, "gap": 2.5}
  assert [row["slice"] for row in found] == ["old", "old"]
