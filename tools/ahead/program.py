"""A traced program, and the shapes that it is traced with."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh

from gr_jax.parallel.mesh import DEFAULT_RULES, Rules, parameter_shardings
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
  """The positions of a prompt."""
  model, section = given.untrained.model, given.untrained.section
  return model.prompt_encoder.length(
    items=section.prompt.history, levels=len(model.level_sizes)
  )


def recomputes(given: Parts) -> bool:
  """Whether the backward pass computes the blocks once more."""
  return given.untrained.model.config.remat == "full"


def forward_flops(given: Parts, positions: int) -> float:
  """FLOPs of the dense layers of the blocks for so many positions."""
  return dense_flops(nn.unbox(given.params), positions) / 3


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
