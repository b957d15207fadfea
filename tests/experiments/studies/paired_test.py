"""Laws of the paired figures."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from experiments.studies import paired

BEAMS = (1, 10, 100)


def hits(seed: int, *, rate: float = 0.4) -> np.ndarray:
  """Nested hits `[3, 40, 3]`: a wider beam hits what a narrower one does."""
  draws = np.random.default_rng(seed).random((3, 40, len(BEAMS)))
  return np.maximum.accumulate(draws < rate, axis=2)


@hypothesis.given(st.integers(0, 1000))
def test_an_arm_does_not_differ_from_itself(seed):
  users = np.arange(40) // 4
  found = paired.compare(hits(seed), hits(seed), users)
  for figure in (found.difference, found.low, found.high):
    np.testing.assert_array_equal(figure, 0)
  np.testing.assert_array_equal(found.agreeing, 3)


@hypothesis.given(st.integers(0, 1000))
def test_swapping_arm_and_baseline_flips_the_difference(seed):
  users = np.arange(40) // 4
  one = paired.compare(hits(seed), hits(seed + 1), users)
  other = paired.compare(hits(seed + 1), hits(seed), users)
  np.testing.assert_allclose(one.difference, -other.difference)
  np.testing.assert_allclose(one.low, -other.high)


def test_one_more_hit_per_request_of_every_user_is_a_sure_difference():
  arm, baseline = np.ones((2, 6, 1), bool), np.zeros((2, 6, 1), bool)
  found = paired.compare(arm, baseline, np.arange(6))
  assert (found.difference, found.low, found.high) == (1, 1, 1)
  assert found.agreeing == 2


def test_a_seed_that_disagrees_is_told():
  baseline = np.zeros((3, 8, 1), bool)
  arm = baseline.copy()
  arm[0], arm[1] = True, True
  baseline[2] = True
  assert paired.compare(arm, baseline, np.arange(8)).agreeing == 2


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
def test_a_better_arm_needs_no_wider_beam_than_the_baseline(seed):
  baseline, users = hits(seed, rate=0.2), np.arange(40) // 4
  better = baseline | hits(seed + 1, rate=0.2)
  found = paired.equal_width(better, baseline, users, beams=BEAMS, resamples=50)
  own = paired.equal_width(baseline, baseline, users, beams=BEAMS, resamples=50)
  assert found.value <= own.value <= 100
  assert found.low <= own.low
  assert found.high <= own.high
