"""The speed of training beside that of this machine's matrix products."""

import time

import jax
import jax.numpy as jnp

from gr_jax.nn.layers import DotGeneral


def matmul_peak(
  rows: int, width: int, features: int, *, dot_general: DotGeneral
) -> float:
  """FLOP/s of one product `[rows, width] x [width, features]`, best of 5.

  The yardstick of a training step: a product of the size its layers have,
  through the same `dot_general`.
  """
  a = jnp.ones((rows, width))
  b = jnp.ones((width, features))
  product = jax.jit(lambda a, b: dot_general(a, b, (((1,), (0,)), ((), ()))))
  product(a, b).block_until_ready()
  best = float("inf")
  for _ in range(5):
    start = time.perf_counter()
    product(a, b).block_until_ready()
    best = min(best, time.perf_counter() - start)
  return 2 * rows * width * features / best


def dense_flops(params, positions: int) -> float:
  """FLOPs of the dense products of a step, `6 · weights · positions`.

  Counts the matrices of the transformer blocks: forward, and the gradients of
  inputs and of weights. Attention scores, embeddings and heads are left out.
  """
  weights = sum(
    x.size
    for path, x in jax.tree.leaves_with_path(params["params"])
    if x.ndim == 3 and jax.tree_util.DictKey("blocks") in path
  )
  return 6.0 * weights * positions
