"""SIGTERM: Slurm, Cloud TPU and Kubernetes take a machine back in seconds.

A run then saves at the next step, on all hosts at the same, and ends with
`EXIT_CODE`, which means "start me again": the same command goes on from there.
Between two trainings it just ends, since every stage goes on or is made anew.
The entry point installs the handler; a program of one's own keeps its own.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

EXIT_CODE = os.EX_TEMPFAIL
"""75 of sysexits.h: a failure for now, the user is invited to try again."""

_noticed = threading.Event()
# The loops, and the watchdog, that look for the notice themselves.
_holders: list[object] = []
_wakes: list[int] = []


class Preempted(BaseException):
  """SIGTERM came, and what can be kept is kept; the message is one line.

  It is no `Exception`, so that nothing which goes on after an error goes on.
  """


@contextlib.contextmanager
def handled() -> Iterator[None]:
  """Handles SIGTERM meanwhile; for the main thread."""
  read, write = os.pipe()
  for end in (read, write):
    os.set_blocking(end, False)
  _wakes[:] = [read]
  # Python runs its handlers between two instructions of the main thread, which
  # may wait for a device for long. This is written at once.
  woken = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
  owner = os.getpid()

  def handler(number, frame):
    del number, frame
    if os.getpid() != owner:  # A child that was forked: it just ends.
      signal.signal(signal.SIGTERM, signal.SIG_DFL)
      os.kill(os.getpid(), signal.SIGTERM)
      return
    _noticed.set()
    check()

  before = signal.signal(signal.SIGTERM, handler)
  try:
    yield
  finally:
    signal.signal(signal.SIGTERM, before)
    signal.set_wakeup_fd(woken)
    _wakes.clear()
    _noticed.clear()
    os.close(read)
    os.close(write)


def noticed() -> bool:
  """Whether SIGTERM came; from any thread."""
  with contextlib.suppress(BlockingIOError):
    if _wakes and signal.SIGTERM in os.read(_wakes[0], 64):
      _noticed.set()
  return _noticed.is_set()


def check() -> None:
  """Ends the run where SIGTERM came and nobody holds it.

  Raises:
    Preempted: that is so.
  """
  if noticed() and not _holders:
    raise Preempted(
      "stopped by SIGTERM between two steps; the same command goes on from "
      "here."
    )


def hold(holder: object) -> None:
  """From here on `holder` looks for the notice; nothing is interrupted."""
  _holders.append(holder)


def release(holder: object) -> None:
  """The end of `hold`; a notice that came meanwhile counts at a `check`."""
  _holders.remove(holder)


def say(stop: Preempted) -> int:
  """Prints the line of the exception and returns the exit code."""
  print(stop, file=sys.stderr, flush=True)
  return EXIT_CODE
