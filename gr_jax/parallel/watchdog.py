"""Ends all hosts of a run where one is lost, stuck or stopped by an error.

JAX has no limit for a collective: hosts wait for one that will never come, and
cost what they cost. Here each host says a few times within the limit where it
is (`heartbeat`), reads the same of all others, and judges them (`judge`). The
first verdict is everybody's: each prints its line and ends with its code, a
lost or stuck host with that of `preemption`, since the same command goes on
from the last checkpoint, and an error with 1. SIGTERM goes the same way
(`agreement`).

Two threads, for a call to the store waits where the first host stands still:
one calls, and one judges how long a call has been under way.
"""

import contextlib
import dataclasses
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from gr_jax.parallel import (
  last_words,
  liveness,
  preemption,
  private_jax,
  start,
)
from gr_jax.parallel.agreement import Agreement
from gr_jax.parallel.heartbeat import (
  BETWEEN,
  COMPILES,
  LEFT,
  Beat,
  Verdict,
  seat,
)
from gr_jax.parallel.judge import ELSEWHERE, Judge, lost, silence
from gr_jax.parallel.store import Store

_ERROR = 1
# The most that the first host, which keeps the store, waits for the others to
# read from it why they end.
_LINGER = 5.0
_VERDICT = "verdict/first"
# The least silence, in seconds, of a host for which JAX aborts all others.
_SILENT = start.HEARTBEAT / 4

# Errors that JAX gives where another host is gone, and not of its own work.
_OF_ANOTHER = re.compile(
  r"^(UNKNOWN|UNAVAILABLE|DEADLINE_EXCEEDED|ABORTED|CANCELLED|INTERNAL): "
)


@dataclasses.dataclass(frozen=True)
class HostsConfig:
  """How hosts watch each other.

  Attributes:
    limit: the seconds after which a host that does not move, while others wait
      for it, ends the run; 0 = never. A host whose process is gone ends it
      after `start.HEARTBEAT` seconds at the most.
  """

  limit: float = 40.0

  def __post_init__(self):
    if self.limit < 0:
      raise ValueError(
        f"hosts.limit is {self.limit}; it is in seconds, 0 = no limit."
      )


class Watchdog:
  """The watch of one host over all.

  Args:
    store: what all hosts see.
    host: the number of this one.
    count: the number of them all.
    limit: see `HostsConfig`.
    end: ends the process at once with an exit code.
  """

  def __init__(
    self,
    store: Store,
    *,
    host: int,
    count: int,
    limit: float,
    end: Callable[[int], Any] = os._exit,
  ):
    self._store, self._host, self._count = store, host, count
    self._limit, self._end = limit or float("inf"), end
    self._period = min(self._limit / 20, 1.0)
    self._thread = threading.get_ident()
    self._agreement = Agreement(store, host=host, count=count)
    self._judge = Judge(host=host, limit=self._limit)
    self._beats: dict[int, Beat] = {}
    self._number, self._clock, self._answered = 0, 0.0, 0.0
    self._found: Verdict | None = None
    self._once, self._quiet = threading.Lock(), False
    self._over = threading.Event()
    self._threads = [
      threading.Thread(target=work, name=f"watchdog {name}", daemon=True)
      for name, work in (("calls", self._calls), ("judges", self._judges))
    ]

  def start(self) -> None:
    self._send()
    for thread in self._threads:
      thread.start()

  def own_beat(self) -> Beat:
    """Where this host is now."""
    position, state, loop = liveness.place()
    here = seat(self._thread)
    if self._over.is_set():
      state = LEFT
    elif here.compiles and state != BETWEEN:
      state = COMPILES
    self._number += 1
    return Beat(
      self._host, self._number, position, state, loop, here.code,
      preemption.noticed(),
    )  # fmt: skip

  def _send(self) -> None:
    self._store.put(f"beats/{self._host}", self.own_beat().text())

  def _calls(self) -> None:
    """The thread that speaks with the store."""
    while not self._over.wait(self._period):
      # What fails is tried again; how long it has failed is judged.
      with contextlib.suppress(Exception):
        self._exchange()
        self._answered = self._clock

  def _exchange(self) -> None:
    """Says where this host is, reads the others, and acts on what it reads."""
    self._send()
    for text in self._store.read("beats").values():
      beat = Beat.read(text)
      self._beats[beat.host] = beat
    loop = liveness.current()
    stopped = self._agreement.moves(dict(self._beats), loop)
    if stopped is not None:
      self._found = Verdict(
        stopped.host,
        f"stopped by SIGTERM to host {stopped.host} between two loops; the "
        "same command goes on from here.",
        preemption.EXIT_CODE,
      )
    if self._found is not None:
      self._store.put_first(_VERDICT, self._found.text())
    for text in self._store.read("verdict").values():
      self._obey(Verdict.read(text))

  def _judges(self) -> None:
    """The thread that never waits for anybody."""
    before, since = time.monotonic(), float("inf")
    while not self._over.wait(self._period):
      now = time.monotonic()
      # A process that was stopped itself must not blame all others.
      self._clock += min(now - before, 2 * self._period)
      before = now
      silent = self._clock - self._answered
      first = self._judge.seen.get(0, Beat(0))
      if self._host and silent > silence(first, self._limit):
        self._obey(lost(first, f"it does not answer for {silent:.0f} s"))
      found = self._judge.look(dict(self._beats), self._clock)
      if self._found is None and found is not None:
        self._found, since = found, self._clock
      # The other thread makes it everybody's, unless its call hangs.
      if self._found and self._clock - since > 8 * self._period:
        self._obey(self._found)

  def _obey(self, verdict: Verdict) -> None:
    """Prints the line and ends this process; it does not return.

    What this host said of itself in `fail` is for the others.
    """
    with self._once:
      if self._quiet or verdict[::2] == (self._host, _ERROR):
        return
      # A bar of progress may stand in the line.
      print(f"\n{verdict.line}", file=sys.stderr, flush=True)
      self.leave()
      self._end(verdict.code)

  def leave(self) -> None:
    """Says that this host ends; the first one lets all others go before.

    Those that do not beat any more are not waited for. Calls may hang where the
    first host stands still, so they are made aside.
    """
    self._over.set()
    aside = threading.Thread(target=self._see_off, daemon=True)
    aside.start()
    aside.join(_LINGER if self._host == 0 else min(_LINGER, 4 * self._period))
    sys.stdout.flush()
    sys.stderr.flush()

  def _see_off(self) -> None:
    with contextlib.suppress(Exception):
      self._send()
      first, looks = self._others(), 0
      while self._host == 0:
        time.sleep(self._period / 2)
        looks += 1
        for host, beat in self._others().items():
          silent = looks > 8 and beat.number == first[host].number
          if beat.state != LEFT and not silent:
            break
        else:
          return

  def _others(self) -> dict[int, Beat]:
    beats = map(Beat.read, self._store.read("beats").values())
    return {beat.host: beat for beat in beats if beat.host != self._host}

  def fail(self, line: str) -> None:
    """Ends all others for an error of this host, which its caller raises.

    An error that JAX gives because another host is gone waits for the verdict
    on that one, which ends this process.

    Args:
      line: the error in one line.
    """
    if _OF_ANOTHER.match(line):
      limit = min(self._limit, HostsConfig.limit)
      time.sleep(ELSEWHERE * limit + _LINGER)
    where = ""
    if (loop := liveness.failed()) is not None:
      beat = Beat(self._host, 0, loop.position, loop.state, loop.name)
      where = f" {beat.where}"
    text = f"error: host {self._host} stopped{where}: {line}"
    verdict = Verdict(self._host, text, _ERROR)
    if not self._store.put_first(_VERDICT, verdict.text()):
      # Another was first, and its verdict ends this process.
      time.sleep(_LINGER)
    self.stop()

  def stop(self) -> None:
    """The end of this host's watch; others do not wait for it any more."""
    with self._once:
      self._quiet = True
      self._over.set()
    with contextlib.suppress(Exception):
      self._send()

  def words(self) -> tuple[str, int] | None:
    """The last words before JAX aborts the process, `last_words.on_abort`."""
    if last_words.answers(private_jax.coordinator()):
      quietest = self._judge.quietest(self._clock)
      if quietest is None or quietest[1] < _SILENT:
        return None
      verdict = lost(quietest[0], f"nothing of it for {quietest[1]:.0f} s")
    else:
      first = self._judge.seen.get(0, Beat(0))
      verdict = lost(first, "its connections ended")
    return verdict.line, verdict.code
