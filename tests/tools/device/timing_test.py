"""Calls end with their share of the budget."""

from tools.device import timing
from tools.device.figure import Clock


def test_calls_end_with_their_share_of_the_budget():
  calls = []
  found = timing.seconds_of_calls(
    calls.append, calls=100, clock=Clock(0.0), share=0.0
  )
  assert len(found) == 3
  assert calls == [0, 0, 1, 2]
  many = timing.seconds_of_calls(calls.append, calls=9, clock=Clock(60))
  assert len(many) == 9
