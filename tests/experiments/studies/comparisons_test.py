"""Which differences stand out among many."""

import hypothesis
import hypothesis.strategies as st
import numpy as np

from experiments.studies import comparisons


def rows(*p, world="shop"):
  return [
    {"world": world, "metric": f"m{k}", "arm": "b", "baseline": "a", "p": x}
    for k, x in enumerate(p)
  ]


def q_of(*p):
  return [row["q"] for row in comparisons.with_q(rows(*p))]


def test_a_q_value_is_the_p_value_times_comparisons_over_its_rank():
  # 0.01 * 4 / 1; 0.02 * 4 / 2; 0.03 * 4 / 3 is below; 0.5 * 4 / 4.
  assert q_of(0.5, 0.01, 0.03, 0.02) == [0.5, 0.04, 0.04, 0.04]
  assert q_of(0.04) == [0.04]
  assert q_of() == []


@hypothesis.given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_q_values_keep_the_order_and_are_no_lower_than_p_values(p):
  q = np.array(q_of(*p))
  order = np.argsort(p, kind="stable")
  assert (np.diff(q[order]) >= 0).all()
  assert (q >= np.array(p) * 0.994).all()
  assert (q <= 1).all()


def test_what_was_not_tested_has_no_q_and_is_no_comparison():
  found = comparisons.with_q(rows(0.02, None, 0.04))
  assert [row["q"] for row in found] == [0.04, None, 0.04]
  assert comparisons.counts(found) == (2, 2)
  assert not comparisons.stands_out(found[1])
  assert not comparisons.stands_out({"low": 1, "high": 2})


def test_two_variants_beside_each_other_are_one_comparison():
  both = rows(0.03)
  both += [both[0] | {"arm": "a", "baseline": "b"}]
  found = comparisons.with_q(both)
  assert [row["q"] for row in found] == [0.03, 0.03]
  assert comparisons.counts(found) == (1, 1)


def test_all_worlds_are_one_family():
  found = comparisons.with_q(rows(0.03) + rows(0.9, world="sea"))
  assert [row["q"] for row in found] == [0.06, 0.9]
  assert comparisons.counts(found) == (2, 0)


def test_of_hundreds_of_differences_of_nothing_hardly_any_stands_out():
  p = np.random.default_rng(0).random(400)
  assert (p < 0.05).sum() > 10
  assert comparisons.counts(comparisons.with_q(rows(*p)))[1] == 0
