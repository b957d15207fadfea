"""Changes that wait go together, each with its own outcome."""

import concurrent.futures
import threading

import pytest

from gr_jax.serving.catalogue.group_commit import GroupCommit


class Disk:
  """Takes groups, one at a time; waits while `gate` is shut."""

  def __init__(self):
    self.groups, self.gate = [], threading.Event()
    self.started = threading.Event()
    self.gate.set()
    self.commit = GroupCommit(self._take, threading.Lock())

  def _take(self, group):
    self.started.set()
    assert self.gate.wait(10)
    self.groups.append(group)
    if "crash" in group:
      raise RuntimeError("crash")
    return [ValueError("bad") if x == "bad" else x * 2 for x in group]


def test_what_comes_meanwhile_goes_as_one_group_in_its_order():
  disk = Disk()
  disk.gate.clear()
  with concurrent.futures.ThreadPoolExecutor(10) as pool:
    first = pool.submit(disk.commit, 0)
    assert disk.started.wait(10)
    rest = []
    for i in range(1, 8):
      rest.append(pool.submit(disk.commit, i))
      while len(disk.commit._waiting) < i:
        pass
    disk.gate.set()
    assert first.result(10) == 0
    assert [each.result(10) for each in rest] == [2 * i for i in range(1, 8)]
  assert disk.groups == [[0], list(range(1, 8))]


def test_a_refusal_is_that_of_one_and_a_bug_that_of_its_group():
  disk = Disk()
  disk.gate.clear()
  with concurrent.futures.ThreadPoolExecutor(10) as pool:
    first = pool.submit(disk.commit, "a")
    assert disk.started.wait(10)
    rest = {each: pool.submit(disk.commit, each) for each in ("bad", "b")}
    while len(disk.commit._waiting) < 2:
      pass
    disk.gate.set()
    assert first.result(10) == "aa"
    assert rest["b"].result(10) == "bb"
    with pytest.raises(ValueError, match="bad"):
      rest["bad"].result(10)
  with pytest.raises(RuntimeError, match="crash"):
    disk.commit("crash")
  assert disk.commit("c") == "cc"


def test_no_change_is_lost_or_made_twice():
  disk = Disk()
  with concurrent.futures.ThreadPoolExecutor(16) as pool:
    found = list(pool.map(disk.commit, range(500)))
  assert found == [2 * i for i in range(500)]
  assert sorted(x for group in disk.groups for x in group) == list(range(500))
