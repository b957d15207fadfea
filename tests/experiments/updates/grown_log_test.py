"""Which update learns and counts what."""

import numpy as np

from experiments.updates.grown_log import of_run
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.training_period import event_counts
from tests.experiments.updates.small_logs import (
  FIRST,
  LAST,
  built,
  frame,
  more,
  three_updates,
)


def test_an_update_learns_what_the_one_before_held_out():
  log = three_updates()
  held_out = log.held_out & log.newest
  assert held_out.any()
  before = log.held_out & (log.request_update == 2)
  assert log.first_learned[before].all()
  assert not log.first_learned[held_out].any()
  assert (log.requests.split[held_out] == VALID).all()
  assert (log.requests.split[before] == TRAIN).all()
  assert not (log.first_learned & log.learned_before).any()
  # Of the run, validation and test are never learned.
  never = log.learned_before[log.request_update == 0]
  own = log.requests.split[log.request_update == 0]
  np.testing.assert_array_equal(never, own == TRAIN)
  assert (own == TEST).any()


def test_nothing_that_is_held_out_is_counted():
  log = three_updates()
  for row in np.flatnonzero(log.held_out & log.newest):
    user, time = log.requests.user[row], log.requests.time[row]
    mine = log.requests.event_user == user
    late = log.requests.event_time >= time
    assert not log.counted[mine & late].any()
  assert log.counted[log.event_update == 1].all()
  base = built(frame(FIRST))
  np.testing.assert_array_equal(
    np.bincount(
      log.requests.event_item[log.counted & (log.event_update == 0)],
      minlength=4,
    ),
    event_counts(base, num_items=4),
  )


def test_the_counts_before_an_update_are_those_that_its_parent_had():
  log = of_run(built(frame(FIRST)))
  for day in (10, 30, 50):
    events = [dict(e, seconds=e["seconds"] + day) for e in [*FIRST, *LAST]]
    later = more(log, frame(events), share=0.3)
    before, after = (later.popularity(4, whole=w) for w in (False, True))
    np.testing.assert_array_equal(before, log.popularity(4, whole=True))
    assert (after >= before).all()
    assert after.sum() > before.sum()
    log = later
