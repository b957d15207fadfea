"""The peak of the memory that this process used."""

import resource
import sys

import jax


def peak_memory() -> int:
  """Bytes on the fullest of this host's devices; on CPU, of the process."""
  stats = [device.memory_stats() for device in jax.local_devices()]
  peaks = [s["peak_bytes_in_use"] for s in stats if s]
  if peaks:
    return max(peaks)
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  # Linux counts in KiB, macOS in bytes.
  return peak if sys.platform == "darwin" else 1024 * peak
