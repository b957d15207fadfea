"""FLOPs of the products of a traced program, counted from its jaxpr.

A product of `[..., M, K]` and `[..., K, N]` has `2 M K N` for every entry of
the batch axes. Loops count as often as they run, recomputed blocks again, of
branches the dearest. cuDNN's attention has two products forward and five
backward, where scores are made again; a causal one has half of them. All
devices together; what is not a product is left out.
"""

import math
from collections import Counter

from jax.extend import core

_ATTENTION = {
  "dot_product_attention_fwd_wrapper": 2,
  "dot_product_attention_bwd_wrapper": 5,
}
"""cuDNN's kernels, and their products."""


def product_flops(jaxpr: core.Jaxpr) -> Counter:
  """FLOPs by the type of the operands, as in `data_sheets.DataSheet.flops`."""
  total: Counter = Counter()
  for equation in jaxpr.eqns:
    name = equation.primitive.name
    if name == "dot_general":
      kind, flops = _dot(equation)
      total[kind] += flops
      continue
    if name == "scaled_matmul_wrapper":  # Both operands end with `K`.
      kind, flops = _scaled(equation)
      total[kind] += flops
      continue
    if name in _ATTENTION:
      kind, flops = _attention(equation)
      total[kind] += flops
      continue
    times = _times(name, equation.params)
    parts = [product_flops(part) for part in _parts(equation.params)]
    if name == "cond" and parts:
      parts = [max(parts, key=lambda part: sum(part.values()))]
    for part in parts:
      for kind, flops in part.items():
        total[kind] += times * flops
  return total


def _dot(equation) -> tuple[str, float]:
  lhs, rhs = (x.aval for x in equation.invars)
  (contracted, _), _ = equation.params["dimension_numbers"]
  (out,) = equation.outvars
  size = math.prod(lhs.shape[axis] for axis in contracted)
  kinds = [_kind(x.dtype) for x in (lhs, rhs)]
  return max(kinds), 2.0 * size * math.prod(out.aval.shape)


def _scaled(equation) -> tuple[str, float]:
  lhs, rhs = (x.aval for x in equation.invars[:2])
  (out,) = equation.outvars
  return max(_kind(x.dtype) for x in (lhs, rhs)), (
    2.0 * lhs.shape[-1] * math.prod(out.aval.shape)
  )


def _attention(equation) -> tuple[str, float]:
  queries, keys = (x.aval for x in equation.invars[:2])
  rows, length, heads, size = queries.shape
  whole = 2.0 * rows * heads * length * keys.shape[1] * size
  half = "CAUSAL" in str(equation.params["mask_type"]).upper()
  count = _ATTENTION[equation.primitive.name]
  return _kind(queries.dtype), count * whole / (1 + half)


def _kind(dtype) -> str:
  name = str(dtype)
  for kind in ("float8", "float4"):
    if name.startswith(kind):
      return kind
  return name


def _times(name: str, params) -> int:
  if name == "scan":
    return params["length"]
  if name == "shard_map":  # Its shapes are those of one device.
    sizes = params["mesh"].shape
    return math.prod(sizes[axis] for axis in params["newly_manual_axes"])
  if name == "pallas_call":
    return math.prod(params["grid_mapping"].grid)
  return 1


def _parts(params):
  for value in params.values():
    for each in value if isinstance(value, (tuple, list)) else (value,):
      if isinstance(each, core.ClosedJaxpr):
        yield each.jaxpr
      elif isinstance(each, core.Jaxpr):
        yield each
