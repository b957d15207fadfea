"""What is held out is the newest, and never everything."""

import pytest

from experiments.updates.grown_log import of_run
from tests.experiments.updates.small_logs import (
  FIRST,
  LAST,
  built,
  frame,
  more,
  three_updates,
)


def test_the_newest_requests_are_held_out_on_one_clock():
  log = three_updates()
  held_out = log.held_out & log.newest
  learned = log.newest & ~log.held_out
  times = log.requests.time
  assert times[learned].max() < times[held_out].min()


@pytest.mark.parametrize("share", [0.0, 0.99])
def test_there_is_always_something_to_learn(share):
  log = more(of_run(built(frame(FIRST))), frame(LAST), share=share)
  assert log.first_learned.any()
