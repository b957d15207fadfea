"""A traced program, and the shapes that it is traced with."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh

from gr_jax.generators.pretrained.frozen import FROZEN
from gr_jax.generators.pretrained.text_writer import TextPromptWriter
from gr_jax.parallel.mesh import (
  DEFAULT_RULES,
  Rules,
  parameter_shardings,
  replicated,
)
from gr_jax.training.throughput import dense_flops
from tools.ahead.shop import Parts


@dataclasses.dataclass(frozen=True)
class Program:
  """A traced program.

  Attributes:
    traced: it gives the jaxpr, and lowers to what is compiled.
    work: what one run of it does, in `unit`s.
    unit: "tokens", "requests" or "groups".
    dense: FLOPs of the dense layers of the blocks, all devices together.
    options: the options of the compiler, for this program.
  """

  traced: jax.stages.Traced
  work: int
  unit: str
  dense: float
  options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def prompt_length(given: Parts) -> int:
  """The positions of a prompt, that branches share."""
  return given.untrained.prompt_length


def query_length(given: Parts) -> int:
  """The positions of a text that stands before the codes of a branch; 0 where
  a query is a part of the prompt.
  """
  writer = given.untrained.writer
  if isinstance(writer, TextPromptWriter):
    return writer.config.query_tokens
  return 0


def fixed(given: Parts, mesh: Mesh, rules: Rules = DEFAULT_RULES) -> dict:
  """Shapes of all that is read and not trained."""
  frozen = placed(given.frozen, mesh, rules)
  return shapes(given.counts, replicated(mesh)) | frozen


def passes(given: Parts) -> int:
  """Forward passes that the products of a step with its gradients are worth.

  Weights that stand still have no gradient.
  """
  return 2 + (not given.frozen) + (given.untrained.model.config.remat == "full")


def forward_flops(given: Parts, positions: int) -> float:
  """FLOPs of the dense layers of the blocks for so many positions."""
  trees = [given.params]
  if given.frozen:
    trees.append({"params": given.frozen[FROZEN]})
  return sum(dense_flops(nn.unbox(tree), positions) for tree in trees) / 3


def placed(boxed: Any, mesh: Mesh, rules: Rules = DEFAULT_RULES) -> Any:
  """Shapes of a tree of parameters where the rules put them."""
  shardings = parameter_shardings(boxed, mesh, rules)
  return jax.tree.map(
    lambda x, sharding: jax.ShapeDtypeStruct(
      x.shape, x.dtype, sharding=sharding
    ),
    nn.unbox(boxed),
    shardings,
  )


def shapes(tree: Any, sharding) -> Any:
  """Shapes of arrays that lie where `sharding` says."""
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(np.shape(x), x.dtype, sharding=sharding),
    tree,
  )
