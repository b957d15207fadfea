"""The step at which all hosts end after SIGTERM came to one of them.

Hosts are some steps apart, and those ahead wait inside a step for the others: a
host that ended at its own next step would leave them there. So each says the
last step that it has done and holds its loop at the end of the next, if it gets
there; once all have said theirs, all go on to the step after the furthest,
which none has done yet.
"""

from collections.abc import Mapping

from gr_jax.parallel.heartbeat import LEFT, Beat
from gr_jax.parallel.liveness import Loop
from gr_jax.parallel.store import Store


class Agreement:
  """One host's side of it.

  Args:
    store: where all say their step.
    host: the number of this one.
    count: the number of them all.
  """

  def __init__(self, store: Store, *, host: int, count: int):
    self._store, self._host, self._count = store, host, count
    self._said: int | None = None
    self._given_up: int | None = None
    self._last: Loop | None = None

  def moves(self, beats: Mapping[int, Beat], loop: Loop | None) -> Beat | None:
    """Moves on, many times a second; the host to name where the run just ends.

    It ends between loops, where no step is lost. A host that has left its loop
    while others are in it has done all its steps, and they are about to.

    Args:
      beats: the last one of every host.
      loop: the loop that this host is in.
    """
    stopped = [beat for beat in beats.values() if beat.preempted]
    if not stopped or len(beats) < self._count:
      return None
    self._last = loop or self._last
    if self._last and (self._last.leaves or (loop and loop.ends)):
      return None
    if not any(beat.inside for beat in beats.values()) and loop is None:
      return None if _all_left(beats) else stopped[0]
    if loop is None or loop.number == self._given_up:
      return None
    folder = f"stop/{loop.number}"
    if self._said != loop.number:
      self._store.put(f"{folder}/{self._host}", str(loop.freeze()))
      self._said = loop.number
    steps = [int(step) for step in self._store.read(folder).values()]
    if len(steps) == self._count:
      loop.thaw(max(steps) + 1)
    elif any(_is_past(beat, loop) for beat in beats.values()):
      self._given_up = loop.number
      loop.thaw(None)
    return None


def _all_left(beats: Mapping[int, Beat]) -> bool:
  return all(beat.state == LEFT for beat in beats.values())


def _is_past(beat: Beat, loop: Loop) -> bool:
  return not beat.inside and beat.position.loop >= loop.number
