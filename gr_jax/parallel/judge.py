"""Which host is lost or stuck, from the heartbeats of all.

  lost    Its beats stand still for `limit` seconds, or `ELSEWHERE` times as
          long where it does not make steps yet or any more, since imports and
          tables may keep Python to themselves: the process is dead or stopped,
          or its machine is. Of that JAX's own threads know as well, after
          `start.HEARTBEAT` seconds at the most.
  stuck   It beats, but for `limit` seconds it has been at the same place of a
          step, while another host is further on in the run.

A host is stuck only where another is ahead of it. Hosts of a run do the same
steps, and inside each wait for the slowest, so whoever waits is ahead of the
one that it waits for; where all stand at one place, as while they compile or
run a long step, nobody is behind. What only one host may be busy with is given
more time: a compilation any, since it ends; the first step of a loop, and rows,
validations and checkpoints between two steps, `LONGER` times the limit; and
between loops, where the first host works alone and the others wait for it, a
host can only be lost.

So a host is not seen that hangs between loops, inside the runtime of its device
while all others are at the same place, or in a loop of its own that beats and
moves on. JAX's barriers have limits of their own there, of many minutes.
"""

import dataclasses
from collections.abc import Mapping

from gr_jax.parallel.heartbeat import (
  LEFT,
  STARTS,
  STEP,
  WRITES,
  Beat,
  Verdict,
)
from gr_jax.parallel.preemption import EXIT_CODE

LONGER = 10
"""How many limits a host may take for its first step and between two."""

ELSEWHERE = 2
"""How many limits a host may be silent that does not make steps."""

_AGAIN = "the same command goes on from the last checkpoint"


@dataclasses.dataclass
class _Seen:
  """The last change of a host's beats, and of its place."""

  beat: Beat
  alive: float
  moved: float


class Judge:
  """Looks at the beats of all, again and again.

  Args:
    host: the number of the host that looks; it takes itself for alive.
    limit: seconds, on the clock of this host alone.
  """

  def __init__(self, *, host: int, limit: float):
    self._host, self._limit = host, limit
    self._seen: dict[int, _Seen] = {}

  @property
  def seen(self) -> dict[int, Beat]:
    """The last beat of each host."""
    return {host: seen.beat for host, seen in self._seen.items()}

  def quietest(self, now: float) -> tuple[Beat, float] | None:
    """The other host that is silent for the longest, and its seconds.

    Args:
      now: as in `look`.
    """
    silent = {
      host: now - seen.alive
      for host, seen in self._seen.items()
      if host != self._host and seen.beat.state != LEFT
    }
    if not silent:
      return None
    host = max(silent, key=lambda host: silent[host])
    return self._seen[host].beat, silent[host]

  def look(self, beats: Mapping[int, Beat], now: float) -> Verdict | None:
    """The verdict where one is due: on the host that is furthest behind.

    Args:
      beats: the newest beat of each host that had one.
      now: the seconds of a clock that stands still while this process does.
    """
    furthest = max((beat.position for beat in beats.values()), default=None)
    for host, beat in beats.items():
      seen = self._seen.setdefault(host, _Seen(beat, now, now))
      if beat.number != seen.beat.number:
        seen.alive = now
      behind = furthest is not None and beat.position < furthest
      waited_for = behind and beat.state in (STARTS, STEP, WRITES)
      same = (beat.position, beat.state) == (
        seen.beat.position,
        seen.beat.state,
      )
      if not (same and waited_for):
        seen.moved = now
      seen.beat = beat
    for host in sorted(beats, key=lambda host: (beats[host].position, host)):
      if found := self._verdict(self._seen[host], now):
        return found
    return None

  def _verdict(self, seen: _Seen, now: float) -> Verdict | None:
    beat = seen.beat
    if beat.state == LEFT:
      return None
    silent, still = now - seen.alive, now - seen.moved
    if beat.host != self._host and silent > silence(beat, self._limit):
      return lost(beat, f"nothing of it for {silent:.0f} s")
    allowed = self._limit * (1 if beat.state == STEP else LONGER)
    if still > allowed:
      line = (
        f"error: host {beat.host} is stuck {beat.where} for {still:.0f} s "
        f"while others wait for it; it is at {beat.code}; {_AGAIN}."
      )
      return Verdict(beat.host, line, EXIT_CODE)
    return None


def silence(beat: Beat, limit: float) -> float:
  """The seconds for which nothing needs to be heard of a host."""
  return limit * (1 if beat.state in (STEP, WRITES) else ELSEWHERE)


def lost(beat: Beat, why: str) -> Verdict:
  """The verdict on a host of which nothing is heard any more."""
  line = (
    f"error: host {beat.host} is lost: {why}, and it was last heard of "
    f"{beat.where}; {_AGAIN}."
  )
  return Verdict(beat.host, line, EXIT_CODE)
