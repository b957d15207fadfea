"""The work that several hosts share, and that the first does alone.

All hosts see one file system. The first writes all shared files, while the
others wait for it.
"""

from typing import TypeVar

import jax
from jax.experimental import multihost_utils

from gr_jax.parallel import preemption

Tree = TypeVar("Tree")


def is_first() -> bool:
  """Returns True on the host that writes the shared files."""
  return jax.process_index() == 0


def wait_for_all(place: str) -> None:
  """Returns when every host has come to the same `place`.

  Raises:
    Preempted: SIGTERM came to the only host.
  """
  preemption.check()
  if jax.process_count() > 1:
    multihost_utils.sync_global_devices(place)


def own_copy(tree: Tree) -> Tree:
  """Copies a tree of global arrays whole to each host."""
  if jax.process_count() == 1:
    return tree
  return multihost_utils.process_allgather(tree, tiled=True)
