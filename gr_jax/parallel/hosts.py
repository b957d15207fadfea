"""The work that several hosts share, and that the first does alone.

All hosts see one file system. The first writes all shared files, while the
others wait for it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
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


def rows_by_all(work: Callable[[Any], Tree], rows: Any) -> Tree:
  """`work(rows)`, of which every host does an equal part and gets the whole.

  All hosts call it with the same rows, in the same order of calls.

  Args:
    work: from a tree of arrays `[R, ...]` to another, a row of a row. Of
      numbers, 32 bits arrive.
    rows: the tree, with at least one row.
  """
  hosts, host = jax.process_count(), jax.process_index()
  if hosts == 1:
    return work(rows)
  count = len(jax.tree.leaves(rows)[0])
  each = -(-count // hosts)
  # All have as many: the last ones begin again at the first row.
  own = np.arange(host * each, (host + 1) * each) % count
  found = work(jax.tree.map(lambda x: x[own], rows))
  found = multihost_utils.process_allgather(found, tiled=True)
  return jax.tree.map(lambda x: x[:count], found)
