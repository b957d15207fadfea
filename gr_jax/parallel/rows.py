"""The rows of a batch that one host computes by itself, such as rewards.

A host has the rows that lie on its devices. Where the axes that split a model
are longer than a host, several hosts have the same ones.
"""

from typing import TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from gr_jax.parallel.mesh import batch_sharding

Tree = TypeVar("Tree")


def own_places(size: int, mesh: Mesh) -> np.ndarray:
  """The places `[n]` of this host's rows in a batch of `size`, ascending."""
  if jax.process_count() == 1:
    return np.arange(size)
  pieces = batch_sharding(mesh).addressable_devices_indices_map((size,))
  return np.unique([np.arange(size)[piece] for piece in pieces.values()])


def own_rows_of_batch(batch: Tree, mesh: Mesh) -> Tree:
  """This host's rows of host arrays `[B, ...]` that every host has whole."""
  if jax.process_count() == 1:
    return batch
  places = own_places(len(jax.tree.leaves(batch)[0]), mesh)
  return jax.tree.map(lambda x: x[places], batch)


def own_rows(array: jax.Array, mesh: Mesh) -> np.ndarray:
  """This host's rows of a device array that is split as batches are."""
  spec = batch_sharding(mesh).spec
  local = multihost_utils.global_array_to_host_local_array(array, mesh, spec)
  return np.asarray(local)


def join_rows(rows: np.ndarray, size: int, mesh: Mesh) -> jax.Array:
  """The device array `[size, ...]` of which every host gives its own rows."""
  return jax.make_array_from_process_local_data(
    batch_sharding(mesh), rows, (size, *rows.shape[1:])
  )
