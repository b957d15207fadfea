"""Hosts that are some steps apart agree on the step to end at."""

import math

import hypothesis
import hypothesis.strategies as st

from gr_jax.parallel.agreement import Agreement
from gr_jax.parallel.heartbeat import (
  BETWEEN,
  LEFT,
  STEP,
  Beat,
  Position,
)
from tests.reference.memory_store import MemoryStore


class Loop:
  """A loop as the agreement sees it."""

  def __init__(self, done, number=1):
    self.number, self.done = number, done
    self.frozen, self.stop, self.leaves = False, None, False

  def freeze(self):
    self.frozen = True
    return self.done

  def thaw(self, stop):
    self.frozen, self.stop = False, stop

  @property
  def ends(self):
    return self.stop is not None


def inside(host, preempted=False, loop=1):
  place = Position(loop, 3, 1)
  return Beat(host, 1, place, STEP, "training", "", preempted)


def outside(host, loop=1, preempted=False, state=BETWEEN):
  place = Position(loop, math.inf, 0)
  return Beat(host, 1, place, state, "training", "", preempted)


def table(*beats):
  return {beat.host: beat for beat in beats}


def sides(count):
  store = MemoryStore()
  return [Agreement(store, host=h, count=count) for h in range(count)]


@hypothesis.given(
  st.lists(st.integers(0, 5), min_size=2, max_size=4),
  st.integers(0, 3),
  st.randoms(),
)
def test_all_end_at_one_step_that_none_has_done(done, who, random):
  loops, all_sides = [Loop(step) for step in done], sides(len(done))
  beats = table(*(inside(h, h == who % len(done)) for h in range(len(done))))
  turns = list(range(len(done))) * 2
  random.shuffle(turns)
  for host in [*turns, *range(len(done))]:
    assert all_sides[host].moves(beats, loops[host]) is None
  assert {loop.stop for loop in loops} == {max(done) + 1}
  assert not any(loop.frozen for loop in loops)


def test_a_loop_is_held_until_all_have_said_their_step():
  (first, other), loops = sides(2), [Loop(3), Loop(4)]
  beats = table(inside(0), inside(1, True))
  first.moves(beats, loops[0])
  assert loops[0].frozen
  assert loops[0].stop is None
  other.moves(beats, loops[1])
  assert loops[1].stop == 5


def test_without_sigterm_nothing_is_held():
  (first, _), loop = sides(2), Loop(3)
  assert first.moves(table(inside(0), inside(1)), loop) is None
  assert not loop.frozen


def test_a_host_that_nothing_is_heard_of_yet_is_waited_for():
  (first, _), loop = sides(2), Loop(3)
  assert first.moves(table(inside(0, True)), loop) is None
  assert not loop.frozen


def test_between_loops_the_run_ends_for_the_host_that_got_it():
  first, other = sides(2)
  beats = table(outside(0), outside(1, preempted=True))
  assert first.moves(beats, None).host == 1
  assert other.moves(beats, None).host == 1


def test_a_host_before_the_loop_of_another_is_waited_for():
  (first, other), loops = sides(2), [Loop(0), Loop(0)]
  beats = table(inside(0), outside(1, loop=0, preempted=True))
  assert first.moves(beats, loops[0]) is None
  assert other.moves(beats, None) is None
  assert loops[0].frozen
  beats = table(inside(0), inside(1, True))
  assert other.moves(beats, loops[1]) is None
  assert first.moves(beats, loops[0]) is None
  assert loops[0].stop == loops[1].stop == 1


def test_where_a_host_is_past_the_loop_it_is_finished_first():
  (first, other), loop = sides(2), Loop(9)
  beats = table(inside(0), outside(1, preempted=True))
  for _ in range(2):
    assert first.moves(beats, loop) is None
    assert other.moves(beats, None) is None
    assert not loop.frozen
    assert loop.stop is None
  beats = table(outside(0), outside(1, preempted=True))
  assert first.moves(beats, None).host == 1


def test_hosts_that_leave_by_themselves_are_left_alone():
  (first, _), loop = sides(2), Loop(3)
  loop.leaves = True
  beats = table(outside(0), outside(1, preempted=True))
  first.moves(table(inside(0), inside(1, True)), loop)
  assert first.moves(beats, None) is None
  both = table(outside(0, state=LEFT), outside(1, preempted=True, state=LEFT))
  assert sides(2)[0].moves(both, None) is None
