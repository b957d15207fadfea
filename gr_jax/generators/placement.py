"""Where everything that a generator reads lies on a mesh.

The rules are those of `gr_jax.parallel.mesh`; this file knows the trees that
they are applied to: parameters by the names of their axes, tables of neighbours
by rows, trees of a catalogue whole on every device.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gr_jax.generators.build import Network, initializer
from gr_jax.parallel.mesh import (
  MODEL,
  Rules,
  parameter_shardings,
  replicated,
)


def check_mesh(model: Network, mesh: Mesh) -> None:
  """Finds sizes of a network that the mesh cannot split.

  Key heads need not divide: fewer of them than devices are kept on several.

  Args:
    model: the network.
    mesh: the devices.

  Raises:
    ValueError: query heads or vocabulary are no multiples of mesh.model.
  """
  devices = mesh.shape[MODEL]
  if model.config.heads % devices:
    raise ValueError(
      f"mesh.model={devices} does not divide model.heads={model.config.heads}: "
      "each device has whole heads; change one of them."
    )
  vocabulary = model.prompt_size + sum(model.level_sizes)
  if vocabulary % devices:
    raise ValueError(
      f"mesh.model={devices} does not divide the vocabulary of {vocabulary} "
      f"rows: raise generator.prompt.user_buckets by {-vocabulary % devices}, "
      "or choose another mesh.model."
    )


def place_counts(counts: Mapping[str, Any], mesh: Mesh) -> dict[str, Any]:
  """`{"counts": ...}` or `{}` on the mesh.

  Rows of the tables of neighbours are split over model, others are whole.
  """
  if mesh.shape[MODEL] == 1 or "transitions" not in counts.get("counts", {}):
    return jax.device_put(dict(counts), replicated(mesh))
  transitions = counts["counts"]["transitions"].padded(mesh.shape[MODEL])
  shardings = jax.tree.map(lambda _: replicated(mesh), transitions)
  rows = NamedSharding(mesh, PartitionSpec(MODEL))
  shardings = shardings.replace(neighbours=rows, weights=rows)
  placed = {"transitions": jax.device_put(transitions, shardings)}
  others = {k: v for k, v in counts["counts"].items() if k not in placed}
  return {"counts": placed | jax.device_put(others, replicated(mesh))}


def initializer_of(
  model: Any, counts: Mapping[str, Any] = MappingProxyType({})
) -> Callable[[jax.Array], Any]:
  """The function from a key to random `{"params": ...}`, boxed.

  Args:
    model: a network, or the codes of a pretrained `decoder`.
    counts: the variables that a network reads beside its parameters.
  """
  if isinstance(model, nn.Module):
    return initializer(cast(Network, model), counts)
  one = np.zeros((1, 1), np.int32), np.ones((1, 1), bool)
  return lambda key: model.decoder.init(key, *one)


def abstract_params(model: Any, counts: Mapping[str, Any]) -> Any:
  """Shapes of `{"params": ...}`, boxed with the names of their axes.

  Args:
    model: as `initializer_of`.
    counts: the variables that it reads beside its parameters, or nothing.
  """
  return jax.eval_shape(initializer_of(model, counts), jax.random.key(0))


def place_variables(
  model: Any, variables: Mapping[str, Any], mesh: Mesh, *, rules: Rules
) -> dict[str, Any]:
  """Parameters and counts on the mesh.

  A generator of neither a network nor a decoder has no names on its axes: whole
  everywhere.
  """
  parts = model, getattr(model, "decoder", None)
  if not any(isinstance(part, nn.Module) for part in parts):
    return jax.device_put(variables, replicated(mesh))
  counts = {k: v for k, v in variables.items() if k != "params"}
  shardings = parameter_shardings(abstract_params(model, counts), mesh, rules)
  params = jax.device_put({"params": variables["params"]}, shardings)
  return params | place_counts(counts, mesh)
