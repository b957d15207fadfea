"""What is there: the device, its driver, its memory, and two yardsticks.

A product of large matrices and a copy show what this chip gives; beside them
stand the vendor's figures, where `chips` knows them.
"""

import importlib.metadata
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator

import jax
import jax.numpy as jnp

from gr_jax import provenance
from tools.device.chips import chip_of
from tools.device.figure import Clock, Figure
from tools.device.forms import Form
from tools.device.timing import seconds_of_calls

_PACKAGES = ("jax", "jaxlib", "flax", "libtpu", "jax-cuda13-plugin", "torch")


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """Names and versions, then the yardsticks."""
  device = jax.local_devices()[0]
  yield Figure("device", "kind", device.device_kind)
  yield Figure("device", "platform", device.platform)
  yield Figure("device", "count", jax.device_count())
  yield Figure("device", "driver", driver(device))
  yield Figure("device", "commit", provenance.commit())
  yield Figure("device", "python", platform.python_version())
  for name in _PACKAGES:
    yield Figure("device", name, version(name))
  stats = device.memory_stats() or {}
  if limit := stats.get("bytes_limit"):
    yield Figure("device", "memory_bytes", limit)
  chip = chip_of(device.device_kind)
  if chip is not None:
    yield Figure("device", "vendor_flops", chip.flops)
    yield Figure("device", "vendor_bandwidth", chip.bandwidth)
  yield Figure("device", "product_flops", product_flops(form.product, clock))
  yield Figure("device", "copy_bandwidth", copy_bandwidth(form.copied, clock))


def driver(device) -> str:
  """The driver's version: as `nvidia-smi` says it, else as JAX does."""
  if device.platform == "gpu" and (tool := shutil.which("nvidia-smi")):
    query = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, timeout=30)
    if found.returncode == 0 and found.stdout.strip():
      return found.stdout.strip().splitlines()[0]
  return device.client.platform_version.splitlines()[0]


def version(package: str) -> str:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return "not installed"


def product_flops(side: int, clock: Clock) -> float:
  """FLOP/s of a bfloat16 product of random square matrices, float32 sums."""
  a, b = jax.random.normal(jax.random.key(0), (2, side, side), jnp.bfloat16)
  product = jax.jit(
    lambda a, b: jnp.matmul(a, b, preferred_element_type=jnp.float32)
  )
  return 2 * side**3 / _seconds(lambda: product(a, b), clock)


def copy_bandwidth(size: int, clock: Clock) -> float:
  """Bytes a second, read and written, of `-x` over `size` bytes."""
  x = jax.random.normal(jax.random.key(0), (size // 4,))
  negate = jax.jit(jnp.negative)
  return 2 * size / _seconds(lambda: negate(x), clock)


def _seconds(run, clock: Clock, calls: int = 10) -> float:
  """Mean seconds of calls that are dispatched one after the other."""
  seconds_of_calls(lambda _: run(), calls=3, clock=clock, share=0.01)
  start = time.perf_counter()
  found = [run() for _ in range(calls)]
  jax.block_until_ready(found)
  return (time.perf_counter() - start) / calls
