"""Who is lost, who is stuck, and who is only slow."""

import dataclasses
import math

import pytest

from gr_jax.parallel.heartbeat import (
  BETWEEN,
  COMPILES,
  LEFT,
  STARTS,
  STEP,
  WRITES,
  Beat,
  Position,
)
from gr_jax.parallel.judge import ELSEWHERE, LONGER, Judge
from gr_jax.parallel.preemption import EXIT_CODE

LIMIT = 10.0


def at(host, done, part=1, state=STEP):
  return Beat(host, 0, Position(1, done, part), state, "training", "here:1")


def verdict_after(seconds, *beats, silent=(), moves=(), host=0):
  """The verdict of a host on beats that stay the same, second for second.

  Those of `silent` do not rise, and those of `moves` go on.
  """
  judge = Judge(host=host, limit=LIMIT)
  for second in range(seconds + 1):
    now = {}
    for beat in beats:
      moved, place = second if beat.host in moves else 0, beat.position
      now[beat.host] = dataclasses.replace(
        beat,
        number=0 if beat.host in silent else second,
        position=place._replace(done=place.done + moved),
      )
    if found := judge.look(now, float(second)):
      return found
  return None


def test_a_host_that_is_silent_is_lost_after_the_limit():
  beats = at(0, 8), at(1, 7)
  assert verdict_after(10, *beats, silent=[1]) is None
  found = verdict_after(11, *beats, silent=[1], moves=[0])
  assert (found.host, found.code) == (1, EXIT_CODE)
  assert "host 1 is lost: nothing of it for 11 s" in found.line
  assert "at step 8 of its training" in found.line


@pytest.mark.parametrize("state", [BETWEEN, COMPILES, STARTS])
def test_a_host_that_makes_no_steps_may_be_silent_for_longer(state):
  beats, silent = (at(0, 8), at(1, 7, state=state)), [1]
  assert verdict_after(int(LIMIT * ELSEWHERE), *beats, silent=silent) is None
  found = verdict_after(int(LIMIT * ELSEWHERE) + 1, *beats, silent=silent)
  assert "host 1 is lost" in found.line


def test_the_quietest_is_the_other_host_that_is_silent_for_the_longest():
  judge = Judge(host=0, limit=100.0)
  assert judge.quietest(0.0) is None
  for second in range(10):
    numbers = {0: 0, 1: second, 2: min(second, 4)}
    beats = {
      host: dataclasses.replace(at(host, 7), number=number)
      for host, number in numbers.items()
    }
    judge.look(beats, float(second))
  beat, seconds = judge.quietest(9.0)
  assert (beat.host, seconds) == (2, 5.0)


def test_a_host_takes_itself_for_alive():
  assert verdict_after(30, at(0, 8), at(1, 8), silent=[1], host=1) is None


def test_a_host_behind_another_is_stuck_after_the_limit():
  beats = at(0, 8), at(1, 7)
  assert verdict_after(10, *beats) is None
  found = verdict_after(11, *beats)
  assert (found.host, found.code) == (1, EXIT_CODE)
  assert found.line.startswith("error: host 1 is stuck at step 8 of its")
  assert "it is at here:1" in found.line


def test_whoever_waits_inside_a_step_is_ahead():
  """Of the same step: one has its batch, the other does not get it."""
  assert verdict_after(11, at(0, 7, 1), at(1, 7, 2), host=1).host == 0


def test_the_host_that_is_furthest_behind_is_named():
  beats = at(0, 9), at(1, 8), at(2, 7, 2), at(3, 7, 1)
  assert verdict_after(11, *beats).host == 3


def test_where_all_are_at_one_place_nobody_is_stuck():
  assert verdict_after(1000, at(0, 7), at(1, 7), at(2, 7)) is None


def test_a_host_that_moves_is_not_stuck_however_far_behind():
  assert verdict_after(100, at(0, 900), at(1, 7), moves=[1]) is None


def test_the_time_counts_from_when_another_was_ahead():
  judge = Judge(host=0, limit=LIMIT)
  for second in range(20):
    beats = {host: dataclasses.replace(at(host, 7), number=second)
             for host in (0, 1)}  # fmt: skip
    assert judge.look(beats, float(second)) is None
  for second in range(20, 30):
    beats = {
      0: dataclasses.replace(at(0, 8), number=second),
      1: dataclasses.replace(at(1, 7), number=second),
    }
    assert judge.look(beats, float(second)) is None
  beats = {h: dataclasses.replace(b, number=99) for h, b in beats.items()}
  assert judge.look(beats, 31.0).host == 1


def test_a_compilation_may_take_as_long_as_it_does():
  assert verdict_after(1000, at(0, 8), at(1, 7, state=COMPILES)) is None


@pytest.mark.parametrize("state", [WRITES, STARTS])
def test_a_first_step_and_between_two_a_host_may_take_longer(state):
  beats = at(0, 8), at(1, 7, 0, state)
  assert verdict_after(int(LIMIT * LONGER), *beats) is None
  assert verdict_after(int(LIMIT * LONGER) + 1, *beats).host == 1


def test_between_loops_the_first_host_works_alone():
  """It makes an artefact for hours while the others wait for it."""
  alone = Beat(0, 0, Position(1, math.inf, 0), BETWEEN, "training")
  ahead = Beat(1, 0, Position(2, 0, 1), STEP, "alignment")
  assert verdict_after(1000, alone, ahead) is None


def test_a_host_that_left_is_neither_lost_nor_stuck():
  left = at(1, 7, state=LEFT)
  assert verdict_after(1000, at(0, 8), left, silent=[1]) is None
