"""The matrix products of a training step, and nothing else of it.

What a step takes above them is attention's softmax, norms, activations, the
optimizer and copies; below them no step can come. They are read from the
step's own program: shapes, types, order of the operands, and how often.
"""

import collections
import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.interpreters import partial_eval

from tools.benchmarks.contender import Bar, Run

BARS = tuple(
  Bar(f"gr_jax {dtype}", f"products alone {dtype}", 1 / 1.25)
  for dtype in ("bfloat16", "float32")
)
"""A whole step takes at most 1.25 times its products."""


@dataclasses.dataclass(frozen=True)
class Product:
  """One `dot_general`.

  Attributes:
    operands: shape and type of both.
    dimensions: the contracted axes of both, and the batch axes of both.
    result: the type of the sums.
  """

  operands: tuple[tuple[tuple[int, ...], str], tuple[tuple[int, ...], str]]
  dimensions: tuple
  result: str

  @property
  def flop(self) -> int:
    """Two for each multiplication."""
    (left, _), (right, _) = self.operands
    (contracted, _), (batch, _) = self.dimensions
    shared = math.prod(left[axis] for axis in (*contracted, *batch))
    return 2 * math.prod(left) * math.prod(right) // shared

  def compiled(self) -> Callable[[], jax.Array]:
    """The product of random operands, each laid out by rows."""
    rng = np.random.default_rng(0)
    arrays = [
      jax.numpy.asarray(rng.standard_normal(shape, np.float32), dtype)
      for shape, dtype in self.operands
    ]

    @jax.jit
    def product(left, right):
      return jax.lax.dot_general(
        left, right, self.dimensions, preferred_element_type=self.result
      )

    return lambda: product(*arrays)


def products(step: Callable, *arguments: Any) -> dict[Product, int]:
  """How often a step on CPU does which product; dead ones are left out."""
  closed = jax.make_jaxpr(step)(*arguments)
  live, _ = partial_eval.dce_jaxpr(
    closed.jaxpr, [True] * len(closed.jaxpr.outvars)
  )
  found = collections.Counter()
  _count(live, 1, found)
  return dict(found)


def _count(jaxpr, times: int, found: collections.Counter) -> None:
  for equation in jaxpr.eqns:
    name = equation.primitive.name
    if name == "dot_general":
      operands = tuple(
        (v.aval.shape, v.aval.dtype.name) for v in equation.invars
      )
      result = equation.outvars[0].aval.dtype.name
      dimensions = equation.params["dimension_numbers"]
      found[Product(operands, dimensions, result)] += times
    repeats = equation.params["length"] if name == "scan" else 1
    for inner in _inner(equation):
      _count(inner, times * repeats, found)


def _inner(equation) -> Iterator[Any]:
  """The programs in an equation; of a choice by platform, that of the CPU."""
  for value in equation.params.values():
    several = value if isinstance(value, (tuple, list)) else (value,)
    if equation.primitive.name == "cond":
      several = several[:1]
    for one in several:
      inner = getattr(one, "jaxpr", one)
      if hasattr(inner, "eqns"):
        yield inner


def make_run(units: int, step: Callable, *arguments: Any) -> Run:
  """Does the products of `units` steps, one after the other."""
  counted = products(step, *arguments)
  calls = [(each.compiled(), times) for each, times in counted.items()]
  flop = sum(each.flop * times for each, times in counted.items())

  def run():
    for _ in range(units):
      for call, times in calls:
        for _ in range(times):
          call().block_until_ready()
    return {"GFLOP": flop / 1e9}

  return run
