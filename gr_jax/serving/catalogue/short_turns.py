"""Lets threads that answer run beside one that is busy with Python."""

import contextlib
import sys
from collections.abc import Iterator

_TURN = 2e-4  # Seconds.


@contextlib.contextmanager
def short_turns() -> Iterator[None]:
  """Lets threads that answer take their turn soon.

  Loading is a second of Python, and an answer takes Python's lock a dozen
  times: each would wait for the usual turn of 5 ms.
  """
  usual = sys.getswitchinterval()
  sys.setswitchinterval(min(usual, _TURN))
  try:
    yield
  finally:
    sys.setswitchinterval(usual)
