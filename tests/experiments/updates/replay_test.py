"""Batches of what is new, with what was learned among them."""

import numpy as np
import pytest

from experiments.updates.replay import replay_size, replayed_batches

NEW, OLD = np.arange(100, 107), np.arange(5)


def batches(count: int, **options) -> np.ndarray:
  options = {"batch_size": 4, "replay": 0.5, "seed": 0} | options
  found = iter(replayed_batches(lambda rows, rng: rows, NEW, OLD, **options))
  return np.stack([next(found) for _ in range(count)])


@pytest.mark.parametrize(("share", "old"), [(0.0, 0), (0.5, 2), (0.99, 3)])
def test_the_share_of_old_groups_is_as_asked(share, old):
  assert ((batches(9, replay=share) < 100).sum(axis=1) == old).all()


def test_every_new_group_comes_up_once_a_pass():
  found = batches(14, batch_size=4, replay=0.5)
  fresh = found[found >= 100].reshape(-1, len(NEW))
  assert len(fresh) == 4
  for one in fresh:
    assert sorted(one) == NEW.tolist()
  assert (fresh[0] != fresh[1]).any()


def test_a_batch_may_hold_more_than_a_pass():
  found = batches(2, batch_size=21, replay=0.0)
  np.testing.assert_array_equal(np.sort(found), [np.repeat(NEW, 3)] * 2)


def test_old_groups_are_as_likely_as_any_other():
  found = batches(4000)
  counts = np.bincount(found[found < 100], minlength=len(OLD))
  assert counts.sum() == 8000
  # Five standard deviations.
  assert (abs(counts - 1600) < 5 * np.sqrt(8000 * 0.2 * 0.8)).all()


def test_a_run_that_goes_on_draws_what_it_would_have_drawn():
  made = replayed_batches(
    lambda rows, rng: (rows, rng.random()), NEW, OLD, batch_size=4,
    replay=0.5, seed=3,
  )  # fmt: skip
  straight = iter(made)
  first = [next(straight) for _ in range(5)]
  again = iter(made)
  for _ in range(3):
    next(again)
  state = again.get_state()
  resumed = iter(made)
  resumed.set_state(state)
  for want in first[3:]:
    rows, drawn = next(resumed)
    np.testing.assert_array_equal(rows, want[0])
    assert drawn == want[1]


def test_without_old_groups_all_are_new():
  assert replay_size(8, 0.5, old=0) == 0
  assert replay_size(1, 0.5, old=3) == 0
