"""The parts of JAX that have no public name, all that this library uses.

Seen in jax 0.10 to 0.12. What is missing in another version is one line, not a
trace.
"""

from typing import Any

import jax


class MissingInJax(RuntimeError):
  """This version of JAX has no such part."""

  def __init__(self, part: str):
    super().__init__(
      f"jax {jax.__version__} has no {part}, which several hosts need: install "
      "a version from 0.10 to 0.12."
    )


def cluster_types() -> list[Any]:
  """The kinds of clusters that JAX detects, in the order in which it looks.

  Each has `name`, `is_env_present()`, `get_process_count()` and
  `get_process_id()`.
  """
  try:
    from jax._src import clusters

    return list(clusters.ClusterEnv._cluster_types)
  except (ImportError, AttributeError) as error:
    raise MissingInJax("list of clusters") from error


def client() -> Any:
  """The client of the store that the first host keeps for all.

  It has `key_value_set`, `key_value_try_get` and `key_value_dir_get`.
  """
  return _joined().client


def coordinator() -> str:
  """`HOST:PORT` of that store."""
  return _joined().coordinator_address


def compiles(module: str) -> bool:
  """Whether a function of this module belongs to tracing or compiling."""
  return module.startswith(
    ("jax._src.compiler", "jax._src.interpreters", "jax._src.linear_util")
  )


def _joined() -> Any:
  try:
    from jax._src import distributed

    state = distributed.global_state
    client, address = state.client, state.coordinator_address
  except (ImportError, AttributeError) as error:
    raise MissingInJax("store of several hosts") from error
  if client is None or address is None:
    raise RuntimeError("the hosts are not joined; call start() first.")
  return state
