"""Section align.explore: candidates of a cheap copy of the old policy.

`candidates` are drawn for a prompt, and `align.group_size` of them are learned;
0 draws the group itself. `weights` is the format of the copy's kernels, one of
`retrieval.weights.WEIGHTS`; "" leaves them as they are. `products` says what
multiplies them: "w4a16" with activations in bfloat16, "w4a4" with activations
in the same format, whose distance from the old policy is larger.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from ml_collections import ConfigDict

from gr_jax.choices import choose
from gr_jax.decoding.sampling import Rollouts
from gr_jax.quantization.interceptor import multiplied_by
from gr_jax.quantization.policy import quantize_params
from gr_jax.quantization.products import w4a4, w4a16
from gr_jax.quantization.qtensor import QTensor
from gr_jax.retrieval.weights import POLICY, WEIGHTS
from gr_jax.rl.explore import Exploration, ExplorerParams

Sample = Callable[..., Rollouts]
PRODUCTS = {"w4a16": w4a16, "w4a4": w4a4}


def exploration(config: ConfigDict) -> Exploration | None:
  """How section align explores; None where it does not.

  Raises:
    ValueError: fewer candidates than are learned, a format or product that
      does not exist, a format without candidates, or w4a4 without a format.
  """
  section = config.get("explore") or {}
  products = section.get("products", "w4a16")
  choose("align.explore.products", products, PRODUCTS)
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
  if products == "w4a4" and not section.get("weights"):
    raise ValueError(
      "align.explore.products is w4a4 and align.explore.weights is empty: name "
      "the format, such as nvfp4."
    )
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
      f"{POLICY.min_dim} rows and columns and whole blocks of rows: leave it "
      "empty, or take a wider network."
    )
  return make


def explorer_sample(config: ConfigDict, sample: Sample) -> Sample:
  """The first half of the policy, with the products of the explorer."""
  section = config.get("explore") or {}
  if exploration(config) is None or not section.get("weights"):
    return sample
  return multiplied_by(PRODUCTS[section.get("products", "w4a16")], sample)


def _same(params: Any) -> Any:
  return params
