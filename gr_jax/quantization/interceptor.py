"""Dense layers whose kernel is a `QTensor` multiply by it as it is.

A layer alone sees the dequantized array. Inside `multiplied_by` the layers of
any Linen model keep their code, and those with quantized kernels call a product
of `gr_jax.quantization.products`; all others, changes of low rank among them,
do what they did.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax.numpy as jnp
from flax import linen as nn

from gr_jax.quantization.products import Product
from gr_jax.quantization.qtensor import QTensor

P = ParamSpec("P")
R = TypeVar("R")


def multiplied_by(product: Product, function: Callable[P, R]) -> Callable[P, R]:
  """`function`, with `product` in its dense layers.

  Wrap it first and compile it then: a program that `jax.jit` has already does
  not change.

  Args:
    product: one of `gr_jax.quantization.products`.
    function: calls `apply` of Linen models with quantized parameters.
  """

  @functools.wraps(function)
  def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
    with nn.intercept_methods(functools.partial(_intercept, product)):
      return function(*args, **kwargs)

  return wrapped


def _intercept(product: Product, call, args, kwargs, context):
  layer = context.module
  if not isinstance(layer, nn.Dense) or context.method_name != "__call__":
    return call(*args, **kwargs)
  kernel = layer.get_variable("params", "kernel")
  if not isinstance(kernel, QTensor):
    return call(*args, **kwargs)
  (x,) = args
  y = product(x, kernel)
  if layer.use_bias:
    y = y + nn.unbox(layer.get_variable("params", "bias"))
  return y.astype(layer.dtype or jnp.promote_types(x.dtype, kernel.dtype))
