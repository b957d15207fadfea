"""What the figures were measured on, and with."""

import importlib.metadata
import os
import pathlib
import platform

_PACKAGES = (
  "gr_jax",
  "jax",
  "jaxlib",
  "flax",
  "optax",
  "numpy",
  "torch",
  "transformers",
  "scikit-learn",
  "faiss-cpu",
)


def machine(*, cores: int) -> dict:
  """Model of the CPU, cores there and cores used."""
  return {
    "cpu": _cpu_model(),
    "cores_available": len(os.sched_getaffinity(0)),
    "cores_used": cores,
    "platform": platform.platform(),
    "load": os.getloadavg()[0],
  }


def _cpu_model() -> str:
  path = pathlib.Path("/proc/cpuinfo")
  if path.exists():
    fields = dict(
      map(str.strip, line.split(":", 1))
      for line in path.read_text().splitlines()
      if ":" in line
    )
    names = ("model name", "cpu family", "model")
    return ", ".join(f"{n} {fields[n]}" for n in names if n in fields)
  return platform.processor()


def versions() -> dict[str, str]:
  """Python and the packages that are installed."""
  found = {"python": platform.python_version()}
  for name in _PACKAGES:
    try:
      found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return found
