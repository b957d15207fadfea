"""The start of a process, before its first JAX call."""

import os
import pathlib

import jax

from gr_jax.parallel.host_memory import keep_freed_memory


def start() -> None:
  """Keeps freed memory, caches compiled programs, joins other hosts.

  Compiled programs are kept in `~/.cache/gr_jax/compiled`, unless
  `JAX_COMPILATION_CACHE_DIR` names another folder. A run on several hosts is
  announced by `JAX_COORDINATOR_ADDRESS`, `JAX_NUM_PROCESSES` and
  `JAX_PROCESS_ID`, or by a TPU pod itself.
  """
  keep_freed_memory()
  if jax.config.values["jax_compilation_cache_dir"] is None:
    cache = pathlib.Path.home() / ".cache" / "gr_jax" / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
  processes = os.environ.get("JAX_NUM_PROCESSES")
  if os.environ.get("JAX_COORDINATOR_ADDRESS") and processes:
    jax.distributed.initialize(
      coordinator_address=os.environ["JAX_COORDINATOR_ADDRESS"],
      num_processes=int(processes),
      process_id=int(os.environ["JAX_PROCESS_ID"]),
    )
