"""Section align.explore: candidates of a cheap copy of the old policy.

`candidates` are drawn for a prompt, and `align.group_size` of them are learned;
0 draws the group itself. `weights` is the format of the copy's kernels, one of
`retrieval.weights.WEIGHTS`; "" leaves them as they are.
"""

import functools
from typing import Any

import jax
from ml_collections import ConfigDict

from gr_jax.choices import choose
from gr_jax.quantization.policy import quantize_params
from gr_jax.quantization.qtensor import QTensor
from gr_jax.retrieval.weights import POLICY, WEIGHTS
from gr_jax.rl.explore import Exploration, ExplorerParams


def exploration(config: ConfigDict) -> Exploration | None:
  """How section align explores; None where it does not.

  Raises:
    ValueError: fewer candidates than are learned, weights of a format that
      does not exist, a format without candidates, or a policy that draws no
      candidates.
  """
  section = config.get("explore") or {}
  if section.get("weights"):
    choose("align.explore.weights", section["weights"], WEIGHTS)
  if not section.get("candidates"):
    if section.get("weights"):
      raise ValueError(
        f"align.explore.weights is {section['weights']!r}, but nothing "
        "explores: set align.explore.candidates, at least align.group_size "
        f"({config.group_size})."
      )
    return None
  return Exploration(section["candidates"], config.group_size)


def explorer(config: ConfigDict, params: Any) -> ExplorerParams | None:
  """From the old policy's parameters to those that draw.

  Args:
    config: section align.
    params: the parameters, for a look at their shapes.

  Raises:
    ValueError: no kernel of the network is as wide as the format needs.
  """
  if exploration(config) is None:
    return None
  weights = config.explore.get("weights", "")
  if not weights:
    return _same
  make = functools.partial(
    quantize_params, policy=POLICY, mode=WEIGHTS[weights]
  )
  found = jax.tree.leaves(
    jax.eval_shape(make, params), is_leaf=lambda x: isinstance(x, QTensor)
  )
  if not any(isinstance(x, QTensor) for x in found):
    raise ValueError(
      f"align.explore.weights is {weights!r}, but no kernel of the network has "
      f"{POLICY.min_dim} rows and columns: leave it empty, or take a wider "
      "network."
    )
  return make


def _same(params: Any) -> Any:
  return params
