"""A line of our own before JAX aborts the process.

Where the first host dies, JAX's connection to it ends and JAX aborts all others
at once, from a thread of its own and with a trace of its own, before anything
in Python could look. A handler of the signal still runs.
"""

import contextlib
import ctypes
import os
import signal
import socket
from collections.abc import Callable

_Handler = ctypes.CFUNCTYPE(None, ctypes.c_int)
# The C library keeps the address alone.
_kept: list = []


def on_abort(words: Callable[[], tuple[str, int] | None]) -> None:
  """Calls `words` when the process aborts, by JAX or by anything else.

  Args:
    words: gives a line for stderr and the exit code to end with at once; None
      = the process aborts as it would.
  """

  def handler(number: int) -> None:
    del number
    # Whatever fails here must not come in the way of the abort.
    with contextlib.suppress(Exception):
      if found := words():
        line, code = found
        os.write(2, f"\n{line}\n".encode())
        os._exit(code)

  _kept.append(_Handler(handler))
  ctypes.CDLL(None).signal(signal.SIGABRT, _kept[-1])


def answers(address: str, *, seconds: float = 2.0) -> bool:
  """Whether anything listens at `HOST:PORT`."""
  host, _, port = address.rpartition(":")
  try:
    with socket.create_connection((host.strip("[]"), int(port)), seconds):
      return True
  except OSError:
    return False
