"""Keeps freed memory in the process, on Linux with glibc.

XLA's CPU backend asks for its temporary buffers anew at every call. glibc maps
and unmaps blocks of that size each time, so every call touches fresh pages:
on one machine that was a fifth of a training step. Kept pages are reused, and
given back between two stages and after a checkpoint.
"""

import ctypes
import sys

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8


def keep_freed_memory() -> bool:
  """Asks the allocator to reuse large blocks; call before JAX starts.

  And before other libraries start threads, as polars does at its import: they
  keep arenas of their own, XLA's threads come to share these, and there blocks
  above 64 MB are mapped anew each time, whatever these settings say.

  Returns:
    Whether the allocator took it; False elsewhere than on glibc.
  """
  mallopt = _allocator("mallopt")
  if mallopt is None:
    return False
  settings = (
    (_M_MMAP_MAX, 0),
    (_M_TRIM_THRESHOLD, 2**31 - 1),
    (_M_TOP_PAD, 2**26),
    (_M_ARENA_MAX, 1),
  )
  return all([mallopt(*setting) == 1 for setting in settings])


def release_freed_memory() -> bool:
  """Gives all pages that are free now back to the system.

  Returns:
    Whether there were any; False elsewhere than on glibc.
  """
  trim = _allocator("malloc_trim")
  return trim is not None and trim(0) == 1


def _allocator(name: str):
  """Finds a function of glibc's allocator; None where there is none."""
  if not sys.platform.startswith("linux"):
    return None
  return getattr(ctypes.CDLL(None), name, None)
