"""Laws of the paired figures."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from scipy import stats

from experiments.studies import paired

BEAMS = (1, 10, 100)


def hits(seed: int, *, rate: float = 0.4) -> np.ndarray:
  """Nested hits `[3, 40, 3]`: a wider beam hits what a narrower one does."""
  draws = np.random.default_rng(seed).random((3, 40, len(BEAMS)))
  return np.maximum.accumulate(draws < rate, axis=2)


def compare(variant, baseline, users):
  """The row of one metric, of hits `[S, R]`."""
  found = {
    name: {seed: {"click@1": hits} for seed, hits in enumerate(seeds)}
    for name, seeds in (("b", variant), ("a", baseline))
  }
  (row,) = paired.rows(found, {"": users}, [("b", "a")])
  return row


@hypothesis.given(st.integers(0, 1000))
def test_a_variant_does_not_differ_from_its_copy(seed):
  one = hits(seed)[..., 0]
  found = compare(one, one, np.arange(40) // 4)
  assert found["difference"] == found["low"] == found["high"] == 0
  assert (found["agreeing"], found["by_seed"], found["p"]) == (3, [0] * 3, 1)


@hypothesis.given(st.integers(0, 1000))
def test_swapping_variant_and_baseline_flips_the_difference(seed):
  users, one, other = np.arange(40) // 4, hits(seed), hits(seed + 1)
  there = compare(one[..., 0], other[..., 0], users)
  back = compare(other[..., 0], one[..., 0], users)
  assert there["difference"] == pytest.approx(-back["difference"])
  assert there["low"] == pytest.approx(-back["high"])
  assert there["by_seed"] == [-x for x in back["by_seed"]]
  assert there["p"] == back["p"]


def test_one_more_hit_per_request_of_every_user_is_a_sure_difference():
  variant, baseline = np.ones((2, 6), bool), np.zeros((2, 6), bool)
  found = compare(variant, baseline, np.arange(6))
  assert (found["difference"], found["low"], found["high"]) == (1, 1, 1)
  assert (found["agreeing"], found["p"]) == (2, 0)


def test_a_seed_that_disagrees_is_not_counted_and_widens_the_interval():
  baseline = np.zeros((3, 8), bool)
  variant = baseline.copy()
  variant[0], variant[1] = True, True
  baseline[2] = True
  found = compare(variant, baseline, np.arange(8))
  assert found["agreeing"] == 2
  assert found["by_seed"] == [1, 1, -1]
  assert found["value_by_seed"] == [1, 1, 0]
  # Every user says +1/3; three seeds do not.
  assert found["low"] < 0 < found["high"]
  assert found["p"] == pytest.approx(
    stats.ttest_1samp([1, 1, -1], 0).pvalue, rel=0.01
  )


def test_crossing_at_a_searched_width_is_that_width():
  curve = np.array([0.1, 0.2, 0.4])
  assert paired.crossing(curve, 0.2, BEAMS) == pytest.approx(10)
  assert paired.crossing(curve, 0.4, BEAMS) == pytest.approx(100)


def test_crossing_halfway_up_is_halfway_in_the_logarithm():
  curve = np.array([0.1, 0.2, 0.4])
  assert paired.crossing(curve, 0.3, BEAMS) == pytest.approx(10**1.5)


def test_crossing_is_infinite_where_the_rate_is_never_reached():
  assert paired.crossing(np.array([0.1, 0.2, 0.4]), 0.5, BEAMS) == np.inf


def test_crossing_below_the_narrowest_beam_is_the_narrowest():
  assert paired.crossing(np.array([0.1, 0.2, 0.4]), 0.05, BEAMS) == 1


@hypothesis.given(st.integers(0, 1000))
def test_a_better_variant_needs_no_wider_beam_than_the_baseline(seed):
  baseline, users = hits(seed, rate=0.2), np.arange(40) // 4
  better = baseline | hits(seed + 1, rate=0.2)
  found = paired.equal_width(better, baseline, users, beams=BEAMS, resamples=50)
  own = paired.equal_width(baseline, baseline, users, beams=BEAMS, resamples=50)
  assert found.value <= own.value <= 100
  assert found.low <= own.low
  assert found.high <= own.high


SIX = {"semantic": np.arange(6)}


def columns(value, *, decodings=("catalogue", "unconstrained")):
  """Of one seed: six requests, of which the head has three and "new" none."""
  found = {}
  for decoding in decodings:
    for segment, count in (("all", 6), ("head", 3), ("new", 0)):
      figures = np.full(6, np.nan, np.float32)
      figures[:count] = value
      found[f"semantic/{decoding}/{segment}/recall@100"] = figures
      found[f"semantic/{decoding}/{segment}/items"] = 100 * figures
  return found


FOUND = {
  "tiger": {0: columns(0.2), 1: columns(0.4)},
  "other": {0: columns(0.5), 1: columns(0.5)},
  "slow": {1: columns(0.1)},
  "bm25": {0: columns(0.3, decodings=("catalogue",))},
}


def row(arm, metric="recall@100", segment="all", decoding="catalogue"):
  rows = paired.rows(
    FOUND, SIX, [(arm, "tiger")], deterministic=["bm25"], digits=5
  )
  wanted = f"semantic/{decoding}/{segment}/{metric}"
  (found,) = [row for row in rows if row["metric"] == wanted]
  return found


def test_differences_are_per_request_and_seed():
  found = row("other")
  assert found["value"] == 0.5
  assert found["difference"] == 0.2
  assert (found["agreeing"], found["compared"], found["n"]) == (2, 2, 6)
  assert row("other", "items")["difference"] == pytest.approx(20)


def test_a_variant_of_fewer_seeds_is_compared_on_those_it_has():
  found = row("slow")
  assert found["difference"] == -0.3
  assert (found["seeds"], found["compared"]) == (1, 1)


def test_what_has_one_answer_stands_beside_every_seed():
  found = row("bm25")
  assert found["difference"] == 0.0
  assert (found["seeds"], found["compared"]) == (1, 2)


def test_what_depends_on_a_seed_and_has_but_one_is_not_tested():
  assert row("slow")["p"] is None
  assert row("tiger")["p"] is None
  # Student's t of 0.3 and 0.1.
  assert row("other")["p"] == 0.295
  assert row("bm25")["p"] is not None
  alone = {"a": {0: columns(0.1)}, "b": {0: columns(0.3)}}
  fixed = next(paired.rows(alone, SIX, [("b", "a")], deterministic="ab"))
  assert fixed["p"] is not None


def test_single_seeds_have_the_decimals_of_the_study():
  found = row("other")
  assert found["by_seed"] == [0.3, 0.1]
  assert found["value_by_seed"] == [0.5, 0.5]
  thirds = {
    name: {0: {"click@1": np.arange(3) < k}} for k, name in enumerate("ab")
  }
  (one,) = paired.rows(thirds, {"": np.arange(3)}, [("b", "a")])
  assert one["by_seed"] == [0.333333]
  assert one["difference"] == pytest.approx(1 / 3, abs=1e-12)


def test_a_segment_counts_the_requests_that_have_it():
  assert row("other", segment="head")["n"] == 3
  rows = paired.rows(FOUND, SIX, [("other", "tiger")])
  assert not [row for row in rows if "/new/" in row["metric"]]


def test_a_metric_that_one_of_both_lacks_has_no_row():
  rows = list(paired.rows(FOUND, SIX, [("bm25", "tiger")]))
  assert not [row for row in rows if "unconstrained" in row["metric"]]
  assert rows


def test_a_baseline_has_its_own_value_and_no_difference():
  for found in paired.rows(FOUND, SIX, [("tiger", "tiger")]):
    assert found["difference"] == found["low"] == found["high"] == 0
    assert found["value_low"] <= found["value"] <= found["value_high"]


def test_metrics_without_a_kind_have_the_users_without_a_name():
  found = {
    name: {0: {"click@1": np.arange(4) < k}} for k, name in enumerate("ab")
  }
  (one,) = paired.rows(found, {"": np.arange(4)}, [("b", "a")])
  assert (one["metric"], one["difference"], one["n"]) == ("click@1", 0.25, 4)
