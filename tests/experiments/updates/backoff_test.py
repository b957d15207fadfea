"""Pauses grow, are bounded, and differ from one watcher to the next."""

from hypothesis import given
from hypothesis import strategies as st

from experiments.updates.backoff import Backoff


class Clock:
  def __init__(self):
    self.time = 0.0

  def __call__(self) -> float:
    return self.time


def pause(backoff: Backoff, clock: Clock) -> float:
  """Seconds that it waits after one more failure."""
  backoff.failed()
  begin = clock.time
  while backoff.waiting:
    clock.time += 0.25
  return clock.time - begin


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=9, max_size=9))
def test_pauses_double_up_to_a_limit_and_lose_at_most_a_half(draws):
  clock, given_draws = Clock(), iter(draws)
  backoff = Backoff(2, most=64, now=clock, draw=lambda: next(given_draws))
  assert not backoff.waiting
  for failures in range(9):
    longest = min(64, 2 * 2**failures)
    assert longest / 2 <= pause(backoff, clock) <= longest + 0.25


def test_after_a_success_the_first_pause_comes_again():
  clock = Clock()
  backoff = Backoff(2, now=clock, draw=lambda: 0.0)
  assert [pause(backoff, clock) for _ in range(3)] == [2, 4, 8]
  backoff.worked()
  assert not backoff.waiting
  assert pause(backoff, clock) == 2


def test_a_thousand_failures_are_no_overflow():
  backoff = Backoff(2, now=lambda: 0.0)
  for _ in range(2000):
    backoff.failed()
  assert backoff.waiting
