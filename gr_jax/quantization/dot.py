"""A `dot_general=` of four-bit operands for Linen's layers.

`[..., D] x [D, F] -> [..., F]`, both rounded on the fly: activations by rows, a
kernel as a whole, blocks along `D`, which is padded with zeros to whole blocks.
It is `products.w4a4` for weights that are arrays, such as those that training
moves; with weights that are quantized already it rounds them again.
"""

import functools

import jax
import jax.numpy as jnp

from gr_jax.nn.dot import _check_dense, bf16_matmul
from gr_jax.nn.layers import DotGeneral
from gr_jax.quantization import quantize
from gr_jax.quantization.blocks import Runs
from gr_jax.quantization.formats import Format
from gr_jax.quantization.products import (
  rounded_rows,
  scaled_values,
  straight_through,
)


def w4a4_dot_general(format: Format) -> DotGeneral:
  """The product of a format, exact up to the order of its sums.

  Gradients are straight-through: those of the product of the rounded operands,
  each passed on as if it had not been rounded.
  """
  return functools.partial(_dot_general, format)


def _dot_general(
  format: Format,
  lhs: jax.Array,
  rhs: jax.Array,
  dimension_numbers,
  precision=None,
  preferred_element_type=None,
) -> jax.Array:
  del precision, preferred_element_type
  _check_dense("w4a4_dot_general", lhs, rhs, dimension_numbers)
  missing = -lhs.shape[-1] % format.block
  rows = jnp.pad(lhs.reshape(-1, lhs.shape[-1]), ((0, 0), (0, missing)))
  kernel = rhs.reshape(rhs.shape[0], -1)
  kernel = jnp.pad(kernel, ((0, missing), (0, 0)))
  x, x_scale = rounded_rows(rows, format)
  w, w_scale = _rounded_kernel(kernel, format)
  flat = bf16_matmul(x, w) * (x_scale * w_scale)
  return flat.reshape(*lhs.shape[:-1], *rhs.shape[1:])


def _rounded_kernel(
  w: jax.Array, format: Format
) -> tuple[jax.Array, jax.Array]:
  """`q s_b` `[D, F]` and `t` `[1, 1]`, as `rounded_rows`."""
  w = w.astype(jnp.float32)
  rounded = quantize.round_matrices(jax.lax.stop_gradient(w).T, format)
  scaled = Runs(format.block).join(scaled_values(rounded)).T
  return straight_through(w, scaled, rounded.tensor_scale), rounded.tensor_scale
