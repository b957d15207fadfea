"""A matrix product in bfloat16 that stays fast in its backward pass on CPU.

XLA's CPU backend multiplies bfloat16 operands with float32 accumulation about
twice as fast as float32, but only where the contraction runs along the rows of
the left operand. The weight gradient `x^T g` of a dense layer is the other
case: it falls back to the slow path unless `x^T` is laid out by rows first.
Both operands are flattened to two dimensions, because some batched products of
these types do not run on CPU at all.

`[OURS]`; other backends need none of it and get the plain product.
"""

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint


def _product(a: jax.Array, b: jax.Array, *, dims: tuple[int, int]) -> jax.Array:
  return jax.lax.dot_general(
    a,
    b,
    (((dims[0],), (dims[1],)), ((), ())),
    preferred_element_type=jnp.float32,
  )


def _transpose_by_rows(a: jax.Array) -> jax.Array:
  # By the platform that is compiled for, which need not be this machine's.
  return jax.lax.platform_dependent(
    a.T,
    cpu=lambda t: with_layout_constraint(t, Layout((0, 1))),
    default=lambda t: t,
  )


@jax.custom_vjp
def bf16_matmul(x: jax.Array, w: jax.Array) -> jax.Array:
  """`x w` for `[B, D]` and `[D, F]`, products in bfloat16, sums in float32."""
  return _product(x.astype(jnp.bfloat16), w.astype(jnp.bfloat16), dims=(1, 0))


def _forward(x, w):
  # Zero-sized witnesses carry the operands' own types to the backward pass.
  kept = x.astype(jnp.bfloat16), w.astype(jnp.bfloat16)
  witnesses = jnp.zeros((0,), x.dtype), jnp.zeros((0,), w.dtype)
  return _product(*kept, dims=(1, 0)), (kept, witnesses)


def _backward(residuals, g):
  (x, w), (like_x, like_w) = residuals
  g = g.astype(jnp.bfloat16)
  grad_x = _product(g, w, dims=(1, 1))
  # The barrier keeps a transpose that follows out of the product: written in
  # columns, it would not run on CPU.
  grad_w = jax.lax.optimization_barrier(
    _product(_transpose_by_rows(x), g, dims=(1, 0))
  )
  return grad_x.astype(like_x.dtype), grad_w.astype(like_w.dtype)


bf16_matmul.defvjp(_forward, _backward)


def bf16_dot_general(
  lhs: jax.Array,
  rhs: jax.Array,
  dimension_numbers,
  precision=None,
  preferred_element_type=None,
) -> jax.Array:
  """`dot_general=` for Linen's layers: `[..., D] x [D, F] -> [..., F]`.

  Raises:
    ValueError: for any other contraction than last axis with first axis.
  """
  del precision, preferred_element_type
  contraction, batch = dimension_numbers
  if tuple(map(tuple, contraction)) != ((lhs.ndim - 1,), (0,)) or any(batch):
    raise ValueError(
      "bf16_dot_general contracts the last axis of lhs with the first of rhs; "
      f"got {dimension_numbers} for shapes {lhs.shape} and {rhs.shape}."
    )
  flat = bf16_matmul(
    lhs.reshape(-1, lhs.shape[-1]), rhs.reshape(rhs.shape[0], -1)
  )
  return flat.reshape(*lhs.shape[:-1], *rhs.shape[1:])
