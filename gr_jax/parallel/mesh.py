"""The device mesh, and the one table that says where every array lies on it.

A mesh is a grid of devices whose axes have names. Layers name the axes of their
parameters by what they are ("embed", "heads"); `DEFAULT_RULES` maps these names
to axes of the mesh, and XLA adds the communication that follows. Nothing else
in the library speaks of devices.

  data      Copies of the model; each reads its own rows of a batch. Gradients
            are summed once a step: the axis for slow links between hosts.
  fsdp      Also reads its own rows, but keeps `1 / fsdp` of the parameters and
            of the optimizer's state (ZeRO-3, arXiv 1910.02054): layers are
            gathered just before they are used, and gradients go back to where
            they belong. For a model that does not fit one device.
  expert    Holds `1 / expert` of the experts of a layer that has some. Nothing
            else is split over it, so it reads its own rows as well.
  sequence  Splits the positions of long prompts; queries stay, keys move.
  model     Splits what is wide, heads, feed-forward and vocabulary, inside one
            layer (Megatron, arXiv 1909.08053), and leaves the residual stream
            whole: one sum per half of a block. The axis for the fastest links.

So a batch is split over data, fsdp and expert together. "embed" is the axis
that fsdp splits because nearly every parameter has it once, and model never
splits it. Small parameters (norms, biases of levels) are whole everywhere. The
trees of a catalogue (trie, counts) are some bytes an item, read at every step:
whole everywhere. Its tables of neighbours are wide: their "rows" are split over
model, as those of the embeddings are. In a search nothing is updated and every
code would gather every layer anew, so `SEARCH_RULES` leave "embed" whole.

Where "embed" is no multiple of fsdp, another axis of the parameter is split,
and where there is none, the parameter is whole. What is split over model has to
divide.
"""

import dataclasses
import math
import sys
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

DATA, FSDP, EXPERT, SEQUENCE, MODEL = (
  "data",
  "fsdp",
  "expert",
  "sequence",
  "model",
)
# From the slowest links to the fastest: neighbours along the last are nearest.
AXES = (DATA, FSDP, EXPERT, SEQUENCE, MODEL)
BATCH = (DATA, FSDP, EXPERT)

Rules = Sequence[tuple[str, str | None]]
"""From the logical name of an axis to an axis of the mesh; None = whole."""

DEFAULT_RULES: Rules = (
  ("vocab", MODEL),
  ("heads", MODEL),
  ("mlp", MODEL),
  ("rows", MODEL),
  ("experts", EXPERT),
  ("embed", FSDP),
  ("norm", None),
  ("layers", None),
  ("levels", None),
  ("kinds", None),
)
SEARCH_RULES: Rules = tuple(
  (name, None if axis == FSDP else axis) for name, axis in DEFAULT_RULES
)


@dataclasses.dataclass(frozen=True)
class MeshConfig:
  """The numbers of devices along the axes; 0 for data = all that are left."""

  data: int = 0
  fsdp: int = 1
  model: int = 1
  sequence: int = 1
  expert: int = 1

  def shape(self, count: int) -> tuple[int, ...]:
    """The sizes of `AXES` for a number of devices.

    Raises:
      ValueError: the sizes do not fill the devices.
    """
    sizes = {axis: getattr(self, axis) for axis in AXES}
    for axis, size in sizes.items():
      if size < (axis != DATA):
        raise ValueError(f"mesh.{axis} is {size}; it must be at least 1.")
    others = math.prod(size for axis, size in sizes.items() if axis != DATA)
    sizes[DATA] = sizes[DATA] or max(count // others, 1)
    needed = math.prod(sizes.values())
    if needed != count:
      product = " x ".join(
        f"{axis}={size}"
        for axis, size in sizes.items()
        if size > 1 or axis == DATA
      )
      raise ValueError(
        f"a mesh of {product} needs {needed} devices; there are {count}: set "
        "mesh.data to 0 and let the product of the other axes divide "
        f"{count}."
      )
    return tuple(sizes.values())


def make_mesh(config: MeshConfig, devices: Sequence[Any] | None = None) -> Mesh:
  """Makes a mesh with all `AXES` over all devices, or over those given.

  Raises:
    ValueError: the sizes do not fill the devices.
  """
  count = jax.device_count() if devices is None else len(devices)
  return jax.make_mesh(
    config.shape(count),
    AXES,
    axis_types=(AxisType.Auto,) * len(AXES),
    devices=devices,
  )


def local_mesh() -> Mesh:
  """All devices of this host along data, for what one host makes alone."""
  devices = jax.local_devices()
  return make_mesh(MeshConfig(data=len(devices)), devices)


def replicated(mesh: Mesh) -> NamedSharding:
  """Gives every device the whole array."""
  return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
  """Splits the leading axis over the devices that share a batch."""
  return NamedSharding(mesh, PartitionSpec(BATCH))


def batch_parts(mesh: Mesh) -> int:
  """The number of parts that a batch is split into."""
  return math.prod(mesh.shape[axis] for axis in BATCH)


def put_batch(batch, mesh: Mesh):
  """Splits host arrays `[B, ...]`, which every host has whole, over devices.

  Rows keep their places, whatever the number of hosts.

  Raises:
    ValueError: `B` is no multiple of the devices that share a batch.
  """
  sharding = batch_sharding(mesh)
  rows, parts = len(jax.tree.leaves(batch)[0]), batch_parts(mesh)
  if rows % parts:
    raise ValueError(
      f"a batch of {rows} rows cannot be split over {parts} devices (mesh: "
      f"{' x '.join(BATCH)}); make batch_size a multiple of {parts}."
    )
  if jax.process_count() == 1:
    return jax.device_put(batch, sharding)
  # `device_put` would compare all of it between the hosts at every step.
  return jax.tree.map(
    lambda x: jax.make_array_from_callback(
      x.shape, sharding, lambda rows, x=x: x[rows]
    ),
    batch,
  )


def parameter_shardings(
  abstract: Any, mesh: Mesh, rules: Rules = DEFAULT_RULES
) -> Any:
  """Returns the shardings of a tree whose leaves have logical axis names.

  Raises:
    ValueError: a parameter with an axis that no rule names, with one twice, or
      with one that the devices along model or expert do not divide.
  """
  names = nn.get_partition_spec(abstract)
  return jax.tree.map_with_path(
    lambda path, x, spec: NamedSharding(
      mesh, _spec(path, x.shape, tuple(spec), mesh, dict(rules))
    ),
    nn.unbox(abstract),
    names,
  )


def _spec(
  path: tuple,
  shape: tuple[int, ...],
  names: tuple[str | None, ...],
  mesh: Mesh,
  rules: dict[str, str | None],
) -> PartitionSpec:
  """Where one parameter lies, whose axes have these names."""
  named = [name for name in names if name is not None]
  where = jax.tree_util.keystr(path)
  if not rules.keys() >= set(named) or len(set(named)) < len(named):
    raise ValueError(
      f"the axes of {where} are {tuple(named)}; give each another one of "
      f"{', '.join(sorted(rules))}."
    )
  axes = [name and rules[name] for name in names]
  axes = [axis if axis and mesh.shape[axis] > 1 else None for axis in axes]
  for at, (name, axis) in enumerate(zip(names, axes)):
    size = mesh.shape[axis] if axis else 1
    if shape[at] % size == 0:
      continue
    if axis != FSDP:
      raise ValueError(
        f"{where} has {shape[at]} along {name!r}, which mesh.{axis}={size} "
        f"does not divide: make it a multiple of {size}, or choose another "
        f"mesh.{axis}."
      )
    axes[at] = None
    others = [
      other
      for other, there in enumerate(axes)
      if there is None and other != at and shape[other] % size == 0
      if names[other] != "layers"
    ]
    if others:
      axes[max(others, key=lambda other: shape[other])] = FSDP
  # `P("model", None)` and `P("model")` are the same place, but not equal.
  while axes and axes[-1] is None:
    axes.pop()
  return PartitionSpec(*axes)


def table_shardings(abstract: Any, mesh: Mesh) -> Any:
  """The shardings of a network that is small but for its tables.

  Only the rows of a table, an axis "vocab" that comes first, are split, over
  model and where they divide: they are as many as a catalogue has items. All
  else is whole on every device.
  """
  names = nn.get_partition_spec(abstract)
  devices = mesh.shape[MODEL]

  def place(x: Any, spec: PartitionSpec) -> NamedSharding:
    is_table = tuple(spec)[:1] == ("vocab",)
    if not is_table or devices == 1 or x.shape[0] % devices:
      return replicated(mesh)
    return NamedSharding(mesh, PartitionSpec(MODEL))

  return jax.tree.map(place, nn.unbox(abstract), names)


def say_what_is_whole(abstract: Any, shardings: Any, mesh: Mesh) -> None:
  """One line where fsdp leaves parameters whole that have an axis to split.

  Norms and biases, which have none, are not spoken of.
  """
  if mesh.shape[FSDP] == 1 or jax.process_index():
    return
  names = nn.get_partition_spec(abstract)
  whole = []
  for (path, x), spec, sharding in zip(
    jax.tree.leaves_with_path(nn.unbox(abstract)),
    jax.tree.leaves(names),
    jax.tree.leaves(shardings),
  ):
    if "embed" in spec and FSDP not in sharding.spec:
      whole.append((int(np.prod(x.shape)), jax.tree_util.keystr(path)))
  if whole:
    numbers, name = max(whole)
    print(
      f"mesh: no axis of {len(whole)} parameters is a multiple of fsdp="
      f"{mesh.shape[FSDP]}; each device has all of them. The largest is {name} "
      f"with {numbers} numbers.",
      file=sys.stderr,
      flush=True,
    )
