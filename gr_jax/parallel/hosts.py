"""What several hosts of one run do together, and what the first does alone.

All hosts see one file system. What is written once is written by the first
host, while the others wait for it.
"""

from typing import TypeVar

import jax
from jax.experimental import multihost_utils

Tree = TypeVar("Tree")


def is_first() -> bool:
  """Whether this host writes what is written once."""
  return jax.process_index() == 0


def wait_for_all(place: str) -> None:
  """Returns when every host has come to the same `place`."""
  if jax.process_count() > 1:
    multihost_utils.sync_global_devices(place)


def own_copy(tree: Tree) -> Tree:
  """A tree of global arrays as this host's own, whole on each host."""
  if jax.process_count() == 1:
    return tree
  return multihost_utils.process_allgather(tree, tiled=True)
