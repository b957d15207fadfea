"""The device mesh and where arrays lie on it."""

import dataclasses

import jax
from flax import linen as nn
from flax.linen import spmd
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

DATA, MODEL = "data", "model"

# Which mesh axis each named parameter axis is split over. Tensor parallelism
# splits what is wide (heads, feed-forward, vocabulary) over "model" and leaves
# the residual stream whole, so a block needs one all-reduce per half.
DEFAULT_RULES = (
  ("vocab", MODEL),
  ("heads", MODEL),
  ("mlp", MODEL),
  ("embed", None),
  ("norm", None),
  ("layers", None),
  ("levels", None),
  ("kinds", None),
)


@dataclasses.dataclass(frozen=True)
class MeshConfig:
  """The numbers of devices along the axes; 0 for data = all that are left."""

  data: int = 0
  model: int = 1


def make_mesh(config: MeshConfig) -> Mesh:
  """Makes a `('data', 'model')` mesh over all devices.

  Raises:
    ValueError: the sizes do not fill the devices.
  """
  count = jax.device_count()
  data = config.data or count // config.model
  if data * config.model != count:
    raise ValueError(
      f"a mesh of data={data} x model={config.model} needs "
      f"{data * config.model} devices; there are {count}."
    )
  return jax.make_mesh(
    (data, config.model), (DATA, MODEL), axis_types=(AxisType.Auto,) * 2
  )


def replicated(mesh: Mesh) -> NamedSharding:
  """Gives every device the whole array."""
  return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
  """Splits the leading axis over the data devices."""
  return NamedSharding(mesh, PartitionSpec(DATA))


def put_batch(batch, mesh: Mesh):
  """Joins host arrays `[B / hosts, ...]` to one global array each."""
  sharding = batch_sharding(mesh)
  if jax.process_count() == 1:
    return jax.device_put(batch, sharding)
  return jax.tree.map(
    lambda x: jax.make_array_from_process_local_data(sharding, x), batch
  )


def parameter_shardings(abstract, mesh: Mesh, rules=DEFAULT_RULES):
  """Returns the shardings of a tree whose leaves have logical axis names.

  Raises:
    ValueError: a parameter with an axis that no rule names, or with one twice.
  """
  specs = nn.get_partition_spec(abstract)
  known = {name for name, _ in rules}
  for path, spec in jax.tree.leaves_with_path(specs):
    names = [name for name in spec if name is not None]
    if not known.issuperset(names) or len(set(names)) < len(names):
      raise ValueError(
        f"the axes of {jax.tree_util.keystr(path)} are {tuple(names)}; give "
        f"each another one of {', '.join(sorted(known))}."
      )
  return spmd.logical_to_mesh_sharding(specs, mesh, list(rules))
