"""Where arrays inside a step lie, said only where XLA would choose badly.

Inputs and results of a step are placed by `mesh.DEFAULT_RULES`, and XLA infers
what lies between. These functions speak up at the few points where it would
move the larger array. They act inside `jax.set_mesh` and change no value; on
one device, or on a mesh that needs no word, they return what they get.
"""

from typing import Any

import jax
from jax.sharding import PartitionSpec

from gr_jax.parallel.mesh import BATCH, FSDP, MODEL, SEQUENCE

Places = tuple[PartitionSpec, ...] | None
"""Where the leaves of a tree lie on the mesh that is set; None without one."""


def split_states(x: jax.Array, *, positions: bool = False) -> jax.Array:
  """Keeps states `[B, T, ..., D]` where their rows are, between two layers.

  Without it XLA may move activations to the parts of parameters that fsdp
  spreads, instead of gathering those. Inside `jax.set_mesh` of a mesh that
  splits parameters or positions; elsewhere `x` is returned as it is. Values
  never change.

  Args:
    x: rows first, the width last.
    positions: whether `T` are positions, which the axis sequence splits.
  """
  mesh = jax.sharding.get_abstract_mesh()
  if mesh.empty or mesh.shape[FSDP] == mesh.shape[SEQUENCE] == 1:
    return x
  spec = PartitionSpec(BATCH, SEQUENCE if positions else None)
  return jax.lax.with_sharding_constraint(x, spec)


def split_vocabulary(table: jax.Array) -> jax.Array:
  """Gathers a table `[V, D]` over fsdp, so that each device looks up its rows.

  Where both fsdp and model split a table, XLA would gather its rows, those of
  all devices along model. Elsewhere `table` is returned as it is.
  """
  mesh = jax.sharding.get_abstract_mesh()
  if mesh.empty or 1 in (mesh.shape[FSDP], mesh.shape[MODEL]):
    return table
  return jax.lax.with_sharding_constraint(table, PartitionSpec(MODEL, None))


def keep_few_whole(table: jax.Array) -> jax.Array:
  """Gathers a table `[V, D]` of a few rows, which no axis but fsdp splits.

  Where `split_vocabulary` acts; elsewhere `table` is returned as it is.
  """
  mesh = jax.sharding.get_abstract_mesh()
  if mesh.empty or 1 in (mesh.shape[FSDP], mesh.shape[MODEL]):
    return table
  return jax.lax.with_sharding_constraint(table, PartitionSpec())


def split_rows(tree: Any) -> Any:
  """Splits the leading axis of a batch that was drawn on the device.

  Inside `jax.set_mesh`; elsewhere `tree` is returned as it is.
  """
  mesh = jax.sharding.get_abstract_mesh()
  if mesh.empty:
    return tree
  split = PartitionSpec(BATCH)
  return jax.tree.map(
    lambda x: jax.lax.with_sharding_constraint(x, split) if len(x) else x, tree
  )


def keep_places(tree: Any, places: Places) -> Any:
  """Leaves the arrays of a state where they were before an update.

  Args:
    tree: the state.
    places: where its leaves lie; None outside of `jax.set_mesh`, where `tree`
      is returned as it is.
  """
  if places is None:
    return tree
  leaves, structure = jax.tree.flatten(tree)
  kept = [
    jax.lax.with_sharding_constraint(x, place)
    for x, place in zip(leaves, places, strict=True)
  ]
  return jax.tree.unflatten(structure, kept)
