"""Where a result came from: command, commit, machine, versions."""

import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys

import jax

_PACKAGES = ("gr_jax", "jax", "jaxlib", "flax", "optax", "numpy", "scipy")


def origin() -> dict:
  """Returns what someone needs to make the result again."""
  return {
    "command": command(sys.argv[1:]),
    "commit": commit(),
    "machine": machine(),
    "versions": versions(),
  }


def command(arguments: list[str]) -> str:
  """The call without its folders, which are no part of the result."""
  kept = [
    argument
    for argument in arguments
    if argument.startswith("--config")
    and not argument.startswith("--config.output")
  ]
  return " ".join(["python -m gr_jax.main", *kept])


def commit() -> str:
  """The commit of the source, with "-dirty" where it was changed since.

  "unknown" without git, and for an installed copy, even inside a repository.
  """
  try:
    _git("ls-files", "--error-unmatch", pathlib.Path(__file__).name)
    describe = ("--always", "--dirty", "--abbrev=12", "--exclude=*")
    return _git("describe", *describe)
  except (OSError, subprocess.SubprocessError):
    return "unknown"


def _git(*arguments: str) -> str:
  found = subprocess.run(
    ["git", *arguments],
    cwd=pathlib.Path(__file__).parent,
    capture_output=True,
    text=True,
    timeout=10,
    check=True,
  )
  return found.stdout.strip()


def machine() -> str:
  """Devices and processors in a few words."""
  device = jax.devices()[0]
  devices = f"{jax.device_count()} x {device.device_kind}"
  cores = len(os.sched_getaffinity(0))
  return f"{devices}, {cores} {platform.machine()} cores"


def versions() -> dict[str, str]:
  """Versions of Python and of the packages that decide the figures."""
  found = {"python": platform.python_version()}
  for package in _PACKAGES:
    try:
      found[package] = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
      found[package] = "not installed"
  return found
