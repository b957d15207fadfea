"""What a process that answers for days asks of Python.

A full collection of Python visits every object while no thread can answer: a
quarter of a million of imported modules and compiled programs are a tenth of a
second to half of one, and loading a version makes enough objects to cause it.

A thread that answers takes Python's lock a dozen times, and waits each time for
a thread that computes in Python: 5 ms, unless turns are shorter.
"""

import contextlib
import gc
import sys
from collections.abc import Iterator


def keep_what_is_there() -> None:
  """Collects garbage once; what is left is not visited again."""
  gc.collect()
  gc.freeze()


@contextlib.contextmanager
def turns_of(seconds: float) -> Iterator[None]:
  """Lets threads that answer take their turn soon."""
  usual = sys.getswitchinterval()
  sys.setswitchinterval(min(usual, seconds))
  try:
    yield
  finally:
    sys.setswitchinterval(usual)
