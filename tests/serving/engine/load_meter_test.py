"""The load is what was measured just now."""

import pytest

from gr_jax.serving.engine.load_meter import Backlog, LoadMeter

COSTS, SIZES = (10.0, 20.0, 40.0), (1, 4, 16)


def meter(**options):
  return LoadMeter(COSTS, SIZES, **options)


def test_nothing_measured_foresees_the_wait_alone():
  found = meter().load(5.0, Backlog(3, 30, 0.25, 10))
  assert found == (5.0, (0.25,) * 3, (0.0,) * 3, 0.0)


def test_the_past_beyond_the_window_is_forgotten():
  found, nobody = meter(window=2.0), Backlog(1, 0, 0.0, 1)
  found.answered(1.0, [9.0])
  found.answered(2.5, [0.25] * 99)
  assert found.load(2.9, nobody).late == 0.25
  found.answered(2.9, [3.0])
  assert found.load(3.0, nobody).late == 3.0
  assert found.load(3.1, nobody).late == 0.25
  assert found.load(6.0, nobody).late == 0.0


def test_the_demand_is_that_of_full_batches():
  found = meter(window=2.0)
  found.searched(1, 16, 0.08)
  found.answered(0.0, [0.1] * 40)
  found.answered(1.5, [0.1] * 24)
  one = Backlog(1, 0, 0.0, 1)
  # 32 requests a second are two full batches of 80 ms.
  assert found.load(2.0, one).demand == pytest.approx((0.08, 0.16, 0.32))
  assert found.load(3.0, one).demand == pytest.approx((0.03, 0.06, 0.12))


def test_what_waits_behind_takes_full_batches():
  found = meter()
  found.searched(1, 16, 0.08)
  found.searched(1, 2, 0.03)
  load = found.load(0.0, Backlog(3, 40, 0.01, 1))
  assert load.foreseen[1] == pytest.approx(0.01 + 0.03 + 2.5 * 0.08)
  # Other widths by their costs.
  assert load.foreseen[2] == pytest.approx(0.01 + 2 * (0.03 + 2.5 * 0.08))
  assert load.foreseen[0] == pytest.approx(0.01 + (0.03 + 2.5 * 0.08) / 2)


def test_a_size_that_was_not_measured_is_that_of_the_nearest():
  found = meter()
  found.searched(0, 4, 0.01)
  alone = [found.load(0.0, Backlog(n, 0, 0.0, 1)).foreseen[0] for n in (1, 16)]
  assert alone == [0.01, 0.04]


def test_estimates_rise_fast_and_fall_slowly():
  found, one = meter(), Backlog(1, 0, 0.0, 1)
  found.searched(0, 1, 0.01)
  found.searched(0, 1, 0.03)
  assert found.load(0.0, one).foreseen[0] == pytest.approx(0.02)
  found.searched(0, 1, 0.01)
  assert found.load(0.0, one).foreseen[0] == pytest.approx(0.019)
