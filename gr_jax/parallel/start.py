"""The start of a process, before its first JAX call."""

import contextlib
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import jax

from gr_jax.parallel import private_jax
from gr_jax.parallel.host_memory import keep_freed_memory

ADDRESS = "JAX_COORDINATOR_ADDRESS"
COUNT = "JAX_NUM_PROCESSES"
HOST = "JAX_PROCESS_ID"

HEARTBEAT = 45
"""Seconds after which JAX ends all hosts where the process of one is gone.

JAX's own threads say that a process lives, whatever its Python is busy with, so
this finds a dead host also while nobody makes steps, `judge`.
"""

_UNOPTIMIZED = "jax_disable_most_optimizations"
# Halves the time to compile for a CPU. Only jaxlib 0.10 knows the flag, and an
# unknown one ends the process.
_PLAIN_LOOPS = "--xla_cpu_use_fusion_emitters=false"

# What JAX detects by variables or by the metadata of the machine. Its other
# kinds ask a service, which a notebook in a container must not wait for.
_DETECTED = ("ompi", "slurm", "gketpu", "gcetpu")


class Announced(NamedTuple):
  """Several hosts, of which this process is one.

  Attributes:
    options: the arguments of `jax.distributed.initialize`.
    host: the number of this one.
    count: the number of them all.
    by: what says so.
  """

  options: dict
  host: int
  count: int
  by: str


def start() -> None:
  """Keeps freed memory, caches compiled programs, joins other hosts.

  Compiled programs are kept in `~/.cache/gr_jax/compiled`, unless
  `JAX_COMPILATION_CACHE_DIR` names another folder. For hosts see `announced`.
  Called again it does nothing new.

  Raises:
    ValueError: the hosts are announced by half, or wrongly.
  """
  keep_freed_memory()
  if jax.config.values["jax_compilation_cache_dir"] is None:
    # A user without a home, as in some containers, has no cache.
    with contextlib.suppress(RuntimeError):
      cache = pathlib.Path.home() / ".cache" / "gr_jax" / "compiled"
      jax.config.update("jax_compilation_cache_dir", str(cache))
      jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
  hosts = announced()
  if hosts is None or jax.distributed.is_initialized():
    return
  # It would take SIGTERM, which is for `preemption`.
  jax.config.update("jax_enable_preemption_service", False)
  # Said first: a host that never comes is waited for for five minutes.
  if hosts.host == 0:
    text = f"hosts: {hosts.count}, announced by {hosts.by}"
    print(text, file=sys.stderr, flush=True)
  jax.distributed.initialize(
    **hosts.options, heartbeat_timeout_seconds=HEARTBEAT
  )


@contextlib.contextmanager
def compiling(*, optimize: bool) -> Iterator[None]:
  """Lets XLA optimize what is compiled here, or leave most of that out.

  A program that runs for less than a second takes longer to optimize than that
  saves. Where `optimize` is True nothing changes. `XLA_FLAGS` counts for a
  process that has not called JAX yet.
  """
  given = os.environ.get("XLA_FLAGS")
  known = jax.__version__.startswith("0.10.")
  if known and not optimize and _PLAIN_LOOPS not in (given or ""):
    # What a user gave stands last, and wins.
    os.environ["XLA_FLAGS"] = f"{_PLAIN_LOOPS} {given or ''}".strip()
  before = jax.config.values[_UNOPTIMIZED]
  jax.config.update(_UNOPTIMIZED, before or not optimize)
  try:
    yield
  finally:
    jax.config.update(_UNOPTIMIZED, before)
    if given is None:
      os.environ.pop("XLA_FLAGS", None)
    else:
      os.environ["XLA_FLAGS"] = given


def announced(variables: Mapping[str, str] = os.environ) -> Announced | None:
  """The hosts that are to work together; None where this one is alone.

  They are named by `JAX_COORDINATOR_ADDRESS` (`HOST:PORT` of the first, which
  all reach), `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`. Without these a cluster
  that JAX detects counts: Open MPI, Slurm, Cloud TPU. `JAX_NUM_PROCESSES=1`
  works alone inside of one.

  Args:
    variables: those of the process; detected clusters read `os.environ`.

  Raises:
    ValueError: some of the three are missing, or a value is none.
  """
  given = {key: variables.get(key, "") for key in (ADDRESS, COUNT, HOST)}
  if given[COUNT] == "1":
    return None
  if not any(given.values()):
    return _detected()
  if missing := [key for key, value in given.items() if not value]:
    found = ", ".join(f"{k}={v}" for k, v in given.items() if v)
    raise ValueError(
      f"{found} is set and {' and '.join(missing)} is not: several hosts need "
      f"all three; unset them to work alone."
    )
  count, host = _whole(given, COUNT), _whole(given, HOST)
  if host >= count:
    raise ValueError(
      f"{HOST}={host} of {COUNT}={count}: hosts are numbered from 0 to "
      f"{count - 1}."
    )
  if not given[ADDRESS].rpartition(":")[2].isdigit():
    raise ValueError(
      f"{ADDRESS}={given[ADDRESS]} has no port: write HOST:PORT of host 0, "
      f"e.g. {given[ADDRESS].partition(':')[0]}:8476."
    )
  options = {
    "coordinator_address": given[ADDRESS],
    "num_processes": count,
    "process_id": host,
  }
  return Announced(options, host, count, ADDRESS)


def _whole(given: Mapping[str, str], key: str) -> int:
  if not given[key].isdecimal():
    raise ValueError(f"{key}={given[key]}: not a whole number from 0.")
  return int(given[key])


def _detected() -> Announced | None:
  """The cluster of the kinds above that this process is part of."""
  for kind in private_jax.cluster_types():
    if kind.name in _DETECTED and kind.is_env_present():
      count = kind.get_process_count()
      if count == 1:
        return None
      options = {"cluster_detection_method": kind.name}
      return Announced(options, kind.get_process_id(), count, kind.name)
  return None
