"""Where a result came from: command, commit, machine, versions."""

import os
import pathlib
import platform
import subprocess
import sys

import jax

from gr_jax.evaluation.report.report_file import versions


def origin() -> dict:
  """What someone needs to make the result again."""
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
  """The commit of the source, with "-dirty" where it was changed since."""
  call = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
  try:
    found = subprocess.run(
      [*call, "--exclude=*"],
      cwd=pathlib.Path(__file__).parent,
      capture_output=True,
      text=True,
      timeout=10,
      check=True,
    )
  except (OSError, subprocess.SubprocessError):
    return "unknown"
  return found.stdout.strip()


def machine() -> str:
  """Devices and processors in a few words."""
  device = jax.devices()[0]
  devices = f"{jax.device_count()} x {device.device_kind}"
  cores = len(os.sched_getaffinity(0))
  return f"{devices}, {cores} {platform.machine()} cores"
