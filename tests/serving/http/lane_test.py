"""A lane takes so much, rests, and keeps nobody waiting for ever."""

import asyncio
import threading

import pytest

from gr_jax.serving.engine.batching import QueueFull
from gr_jax.serving.http import lane
from gr_jax.serving.http.lane import Lane


def test_what_would_wait_too_long_is_refused_and_then_taken_again():
  gate = threading.Event()
  full = Lane("full", threads=2, waiting=1)
  running = [full.submit(gate.wait, 30) for _ in range(3)]
  for ask in (full.check_room, lambda: full.submit(print)):
    with pytest.raises(QueueFull):
      ask()
  gate.set()
  assert all(each.result(30) for each in running)
  full.check_room()
  assert full.submit(int, "3").result(30) == 3


def test_a_failure_gives_its_place_back():
  small = Lane("small", waiting=0)
  for _ in range(3):
    with pytest.raises(ValueError, match="literal"):
      asyncio.run(small.run(int, "x"))


def test_what_nobody_waits_for_is_never_begun():
  gate, begun = threading.Event(), []
  slow = Lane("slow", timeout=0.05)
  first = slow.submit(gate.wait, 30)
  with pytest.raises(TimeoutError):
    asyncio.run(slow.run(begun.append, 1))
  gate.set()
  assert first.result(30)
  assert slow.submit(int, "1").result(30) == 1
  assert not begun


def test_after_work_comes_rest(monkeypatch):
  now, slept = [0.0], []

  def sleep(seconds):
    slept.append(seconds)
    now[0] += seconds

  def work(seconds):
    now[0] += seconds

  monkeypatch.setattr(lane.time, "monotonic", lambda: now[0])
  monkeypatch.setattr(lane.time, "sleep", sleep)
  resting = Lane("resting", rest=2.0)
  for seconds in (0.25, 10.0, 0.0):
    resting.submit(work, seconds).result(30)
  # Twice as long as it worked, but never longer than a second.
  assert slept == [0.5, 1.0]
  now[0] += 5.0
  resting.submit(work, 0.0).result(30)
  assert slept == [0.5, 1.0]


def test_what_would_wait_for_half_of_its_time_is_refused(monkeypatch):
  now = [0.0]
  monkeypatch.setattr(lane.time, "monotonic", lambda: now[0])

  def work(seconds):
    now[0] += seconds

  busy = Lane("busy", timeout=8.0)
  for _ in range(30):
    busy.submit(work, 2.0).result(30)
  gate = threading.Event()
  # Of two seconds each: two before it are four, three are too many.
  waiting = [busy.submit(gate.wait, 30) for _ in range(3)]
  with pytest.raises(QueueFull) as full:
    busy.check_room()
  assert full.value.seconds == pytest.approx(6.0, rel=0.05)
  gate.set()
  assert all(each.result(30) for each in waiting)
