"""Freed memory stays with the process until it is given back."""

import subprocess
import sys

import pytest

_PROGRAM = """
import resource
import numpy as np
from gr_jax.parallel.host_memory import keep_freed_memory

def faults():
  return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

assert keep_freed_memory()
for _ in range(2):
  before = faults()
  np.ones(16_000_000, np.float32).sum()
print(faults() - before)
"""


_RELEASE = """
import numpy as np
from gr_jax.parallel.host_memory import keep_freed_memory, release_freed_memory

def resident():
  with open("/proc/self/statm") as file:
    return int(file.read().split()[1])

assert keep_freed_memory()
# A live block behind a large free one, as a stage leaves them.
large, small = np.ones(16_000_000, np.float32), np.ones(1_000_000)
del large
before = resident()
assert release_freed_memory()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_released_memory_goes_back_to_the_system():
  done = subprocess.run(
    [sys.executable, "-c", _RELEASE], capture_output=True, text=True, check=True
  )
  assert int(done.stdout) > 15_000


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_the_second_large_block_reuses_the_pages_of_the_first():
  done = subprocess.run(
    [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
  )
  # The block has 15,625 pages.
  assert int(done.stdout) < 1_000
