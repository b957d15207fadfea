"""The steps of a loop, as the watchdog and SIGTERM see them.

A loop says when it begins a step, when it waits for all hosts, and when the
step is done; on one host that costs nothing and only SIGTERM reads it.

  alive = liveness.Loop("training", done)
  while done < steps:
    alive.begins()
    batch = next(batches)
    alive.waits()
    state = step(state, batch)
    done += 1
    leaving = alive.reached(done)
    ...
  alive.close()
"""

import math
import sys
import threading

from gr_jax.parallel import preemption
from gr_jax.parallel.heartbeat import (
  BETWEEN,
  STARTS,
  STEP,
  WRITES,
  Position,
)

_loops: list["Loop"] = []
_failed: list["Loop"] = []
# The loops that were begun, whatever became of them.
_begun: list[str] = []
# Whether several hosts have to agree on the step to end at.
_shared = False


def current() -> "Loop | None":
  """The loop that this process is in."""
  return _loops[-1] if _loops else None


def failed() -> "Loop | None":
  """The loop that the error under way came from."""
  return _failed[-1] if _failed else None


def share(shared: bool) -> None:
  """Says whether a watchdog agrees with other hosts for the loops."""
  global _shared
  _shared = shared


def place() -> tuple[Position, str, str]:
  """Position, state and the name of the loop, for a heartbeat."""
  if (loop := current()) is not None:
    return loop.position, loop.state, loop.name
  name = _begun[-1] if _begun else ""
  return Position(len(_begun), math.inf, 0), BETWEEN, name


class Loop:
  """One loop of steps, from its begin to `close`.

  Every host begins the same loops in the same order.

  Args:
    name: a noun that says what the steps do.
    done: the number of steps that were done before.

  Attributes:
    position: see `Position`.
    state: `STARTS`, `STEP` or `WRITES`, see `Beat`.
    leaves: whether it saves the step and ends.
  """

  def __init__(self, name: str, done: int):
    _begun.append(name)
    self.name, self.number = name, len(_begun)
    self.state, self.position = WRITES, Position(self.number, done, 0)
    self._first = done
    self._changed = threading.Condition()
    self._frozen, self._stop = False, None
    self.leaves = False
    _loops.append(self)
    preemption.hold(self)

  def begins(self) -> None:
    """A step begins; so far it needs no other host."""
    self.state = STARTS if self._first == self.position.done else STEP
    self.waits()

  def waits(self) -> None:
    """Whatever this host alone had to do is done: it waits for the others."""
    loop, done, part = self.position
    self.position = Position(loop, done, part + 1)

  def reached(self, done: int) -> bool:
    """A step is done; whether all hosts are to save it and end.

    It waits while they agree on that step, `agreement`.

    Args:
      done: the number of steps that are done.
    """
    with self._changed:
      self.position, self.state = Position(self.number, done, 0), WRITES
      self._changed.wait_for(lambda: not self._frozen)
      leaves = done == self._stop if _shared else preemption.noticed()
      self.leaves = self.leaves or leaves
      return self.leaves

  def stopped(self, done: int) -> preemption.Preempted:
    """The exception that a loop raises after it saved step `done`."""
    return preemption.Preempted(
      f"stopped by SIGTERM after step {done:,} of the {self.name}, which is "
      "saved; the same command goes on from there."
    )

  def freeze(self) -> int:
    """Holds the loop at the end of its step; the steps that are done."""
    with self._changed:
      self._frozen = True
      return int(self.position.done)

  def thaw(self, stop: int | None) -> None:
    """Lets it go on, up to a step where there is one to end at."""
    with self._changed:
      self._frozen, self._stop = False, stop
      self._changed.notify_all()

  @property
  def ends(self) -> bool:
    """Whether the step to end at is known."""
    return self._stop is not None

  def close(self) -> None:
    """The loop is over, however it ended; for a `finally`."""
    _loops.remove(self)
    if sys.exc_info()[0] is not None:
      _failed.append(self)
    preemption.release(self)
