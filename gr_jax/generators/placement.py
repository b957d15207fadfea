"""Where everything that a generator reads lies on a mesh.

The rules are those of `gr_jax.parallel.mesh`; this file knows the trees that
they are applied to: parameters by the names of their axes, tables of neighbours
by rows, trees of a catalogue whole on every device.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import jax
from flax import linen as nn
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gr_jax.generators.build import initializer
from gr_jax.generators.network import Network
from gr_jax.generators.pretrained.frozen import FROZEN, initialized
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.parallel.mesh import (
  DEFAULT_RULES,
  MODEL,
  SEARCH_RULES,
  Rules,
  parameter_shardings,
  replicated,
)


def check_mesh(model: Network, mesh: Mesh) -> None:
  """Finds sizes of a network that training on the mesh cannot split.

  Raises:
    ValueError: query heads or vocabulary are no multiples of mesh.model.
  """
  check_heads(model.config, mesh)
  if isinstance(model, TextToCodes):
    return  # Its table is not ours to pad: `parameter_shardings` checks it.
  devices, vocabulary = mesh.shape[MODEL], vocabulary_of(model)
  if vocabulary % devices:
    raise ValueError(
      f"mesh.model={devices} does not divide the vocabulary of {vocabulary} "
      f"rows: raise generator.prompt.user_buckets by {-vocabulary % devices}, "
      "or choose another mesh.model."
    )


def check_heads(config: TransformerConfig, mesh: Mesh) -> None:
  """Finds query heads that the mesh cannot split.

  Key heads need not divide: fewer of them than devices are kept on several.

  Raises:
    ValueError: they are no multiple of mesh.model.
  """
  devices = mesh.shape[MODEL]
  if config.heads % devices:
    raise ValueError(
      f"mesh.model={devices} does not divide model.heads={config.heads}: each "
      "device has whole heads; change one of them."
    )


def vocabulary_of(model: Any) -> int:
  """Rows of the table of a network, or of a pretrained `decoder`."""
  if isinstance(model, nn.Module):
    network = cast(Network, model)
    return network.prompt_size + sum(network.level_sizes)
  return model.decoder.vocab_size


def place_counts(counts: Mapping[str, Any], mesh: Mesh) -> dict[str, Any]:
  """`{"counts": ...}`, what else is not trained, or `{}`, on the mesh.

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
  rest = {k: v for k, v in counts.items() if k != "counts"}
  others, rest = jax.device_put((others, rest), replicated(mesh))
  return rest | {"counts": placed | others}


def frozen_shardings(
  model: TextToCodes, mesh: Mesh, *, rules: Rules = DEFAULT_RULES
) -> Any:
  """Where the weights of a pretrained generator lie that stand still."""
  boxed = jax.eval_shape(
    lambda: initialized(model.decoder, jax.random.key(0))[FROZEN]
  )
  return parameter_shardings(boxed, mesh, rules)


def unextended_shardings(model: TextToCodes, mesh: Mesh) -> Any:
  """Where `{"params": ...}` of a decoder lie before it has new tokens."""
  decoder = dataclasses.replace(model.decoder, new=None, parent=None, name=None)
  boxed = jax.eval_shape(lambda: initialized(decoder, jax.random.key(0)))
  return parameter_shardings(boxed, mesh)


def place_fixed(
  model: Any, fixed: Mapping[str, Any], mesh: Mesh
) -> dict[str, Any]:
  """What a generator reads beside its parameters, on the mesh.

  Args:
    model: the generator.
    fixed: counts, weights that stand still, or nothing.
    mesh: the devices.
  """
  others = {name: tree for name, tree in fixed.items() if name != FROZEN}
  placed = place_counts(others, mesh)
  if FROZEN in fixed:
    shardings = frozen_shardings(model, mesh)
    placed[FROZEN] = jax.device_put(fixed[FROZEN], shardings)
  return placed


def abstract_params(model: Network, counts: Mapping[str, Any]) -> Any:
  """Shapes of `{"params": ...}`, boxed with the names of their axes.

  Args:
    model: the network.
    counts: the variables that it reads beside its parameters, or nothing.
  """
  init = initializer(model, counts)
  # A key that is made in there needs no device: the mesh may be of shapes only.
  return jax.eval_shape(lambda: init(jax.random.key(0)))


def search_shardings(
  model: Any, variables: Mapping[str, Any], mesh: Mesh
) -> Any:
  """Where a search has the parameters of a model, by `SEARCH_RULES`.

  A vocabulary that the devices along model do not divide is whole: who trained
  on one device may search on several. So is all of a generator that is no
  network, which has no names on its axes.

  Args:
    model: the generator.
    variables: all that it reads, or their shapes.
    mesh: the devices.
  """
  if not isinstance(model, nn.Module | TextToCodes):
    return replicated(mesh)
  rules = dict(SEARCH_RULES)
  if vocabulary_of(model) % mesh.shape[MODEL]:
    rules["vocab"] = None
  counts = {k: v for k, v in variables.items() if k != "params"}
  found = tuple(rules.items())
  abstract = abstract_params(cast(Network, model), counts)
  shardings = parameter_shardings(abstract, mesh, found)
  if FROZEN in variables:
    shardings[FROZEN] = frozen_shardings(
      cast(TextToCodes, model), mesh, rules=found
    )
  return shardings


def place_for_search(
  variables: Mapping[str, Any], mesh: Mesh, shardings: Any
) -> dict[str, Any]:
  """Weights by `search_shardings`, and counts, on the mesh."""
  weights, counts = {}, {}
  for name, tree in variables.items():
    (weights if name in ("params", FROZEN) else counts)[name] = tree
  return jax.device_put(weights, shardings) | place_counts(counts, mesh)
