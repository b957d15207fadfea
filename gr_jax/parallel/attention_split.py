"""Runs a kernel of attention on each device's rows of a batch and heads.

XLA cannot split what is inside a kernel. Attention is the same for every row of
a batch and for every head, so each device runs the kernel on those it has:
rows along data, fsdp and expert, heads along model. Nothing is sent. Along
sequence, queries stay where they are and every device gets all keys.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, PartitionSpec

from gr_jax.parallel.mesh import BATCH, MODEL, SEQUENCE


def position_parts() -> int:
  """The number of devices that share the positions of a sequence."""
  mesh = jax.sharding.get_abstract_mesh()
  return 1 if _is_whole(mesh) else mesh.shape[SEQUENCE]


def _is_whole(mesh: jax.sharding.AbstractMesh) -> bool:
  """Whether there is nothing to split, or all is split already."""
  return mesh.empty or mesh.size == 1 or AxisType.Manual in mesh.axis_types


def attend_on_mesh(
  attend: Callable[..., jax.Array],
  queries: jax.Array,
  keys: jax.Array,
  values: jax.Array,
  *others: jax.Array,
) -> jax.Array:
  """`attend(queries, keys, values, *others)`, `[B, T, H, h]`.

  Inside `jax.set_mesh` every device computes its part; elsewhere, and inside a
  function that is split already, all is computed at once.

  Args:
    attend: attention of some rows of a batch and some heads, and of the queries
      of one of `position_parts`, which is `jax.lax.axis_index(SEQUENCE)`.
    queries: `[B, T, H, h]`.
    keys: `[B, S, K, h]`. Where fewer key heads than devices along model are
      there, they are repeated.
    values: `[B, S, K, h]`.
    *others: `[B, ...]`, or `[1, ...]` of all rows; with four axes the second is
      that of heads, or 1.
  """
  mesh = jax.sharding.get_abstract_mesh()
  if _is_whole(mesh):
    return attend(queries, keys, values, *others)
  B, _, H, _ = queries.shape
  rows = (
    BATCH if B % math.prod(mesh.shape[axis] for axis in BATCH) == 0 else None
  )
  heads = MODEL if H % mesh.shape[MODEL] == 0 else None
  if heads:
    K = keys.shape[2]
    times = math.lcm(K, mesh.shape[MODEL]) // K
    keys, values = (jnp.repeat(x, times, axis=2) for x in (keys, values))
  # Lengths that do not divide are attended to as a whole by every device.
  sequence = SEQUENCE if queries.shape[1] % mesh.shape[SEQUENCE] == 0 else None
  queries_place = PartitionSpec(rows, sequence, heads)
  keys_place = PartitionSpec(rows, None, heads)

  def place(x: jax.Array) -> PartitionSpec:
    own_rows = rows if x.shape[0] == B else None
    own_heads = heads if x.ndim == 4 and x.shape[1] == H else None
    return PartitionSpec(own_rows, own_heads)

  split: Any = jax.shard_map(
    attend,
    in_specs=(queries_place, keys_place, keys_place, *map(place, others)),
    out_specs=queries_place,
    # A kernel does not say along which axes its results differ.
    check_vma=False,
  )
  return split(queries, keys, values, *others)
