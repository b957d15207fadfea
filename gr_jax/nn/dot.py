"""Matrix products that stay fast in their backward pass on CPU.

What XLA's CPU backend makes slow is the weight gradient `x^T g` of a dense
layer. Left to automatic differentiation it is `(g^T x)^T`, and XLA writes a
transposed copy of the wider operand to undo that. Here it is written out:

  * in float32, contracted over the rows as they lie, the narrower operand on
    the left: that side is the faster one (100 against 66 GFLOP/s on Zen 4);
  * in bfloat16 with sums in float32, which is about twice as fast as float32,
    but only where the contraction runs along the rows of the left operand: the
    narrower one is laid out anew. Operands are flattened to two dimensions,
    because some batched products of these types do not run on CPU at all.

`[OURS]`; other backends need none of it and get the plain product.
"""

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint


def _float32_product(x: jax.Array, w: jax.Array) -> jax.Array:
  return jax.lax.dot_general(x, w, (((x.ndim - 1,), (0,)), ((), ())))


@jax.custom_vjp
def float32_matmul(x: jax.Array, w: jax.Array) -> jax.Array:
  """`x w` for `[..., D]` and `[D, F]`."""
  return _float32_product(x, w)


def _float32_forward(x, w):
  return _float32_product(x, w), (x, w)


def _contract_rows(x: jax.Array, g: jax.Array) -> jax.Array:
  rows = tuple(range(x.ndim - 1))
  return jax.lax.dot_general(x, g, ((rows, rows), ((), ())))


def _narrower_first(x: jax.Array, g: jax.Array, product) -> jax.Array:
  # The barriers keep transposes around the product out of it: XLA would turn
  # it round again, and written in columns one in bfloat16 does not run.
  if x.shape[-1] <= g.shape[-1]:
    return jax.lax.optimization_barrier(product(x, g))
  return jax.lax.optimization_barrier(product(g, x)).T


def _float32_backward(residuals, g):
  x, w = residuals
  grad_x = jax.lax.dot_general(g, w, (((g.ndim - 1,), (1,)), ((), ())))
  # By the platform that is compiled for, which need not be this machine's.
  grad_w = jax.lax.platform_dependent(
    x,
    g,
    cpu=lambda x, g: _narrower_first(x, g, _contract_rows),
    default=_contract_rows,
  )
  return grad_x.astype(x.dtype), grad_w.astype(w.dtype)


float32_matmul.defvjp(_float32_forward, _float32_backward)


def _product(a: jax.Array, b: jax.Array, *, dims: tuple[int, int]) -> jax.Array:
  return jax.lax.dot_general(
    a,
    b,
    (((dims[0],), (dims[1],)), ((), ())),
    preferred_element_type=jnp.float32,
  )


def _contract_laid_out_rows(x: jax.Array, g: jax.Array) -> jax.Array:
  return _product(with_layout_constraint(x.T, Layout((0, 1))), g, dims=(1, 0))


@jax.custom_vjp
def bf16_matmul(x: jax.Array, w: jax.Array) -> jax.Array:
  """`x w` for `[B, D]` and `[D, F]`, products in bfloat16, sums in float32."""
  return _product(x.astype(jnp.bfloat16), w.astype(jnp.bfloat16), dims=(1, 0))


def _bf16_forward(x, w):
  # Zero-sized witnesses carry the operands' own types to the backward pass.
  kept = x.astype(jnp.bfloat16), w.astype(jnp.bfloat16)
  witnesses = jnp.zeros((0,), x.dtype), jnp.zeros((0,), w.dtype)
  return _product(*kept, dims=(1, 0)), (kept, witnesses)


def _bf16_backward(residuals, g):
  (x, w), (like_x, like_w) = residuals
  g = g.astype(jnp.bfloat16)
  grad_x = _product(g, w, dims=(1, 1))
  grad_w = jax.lax.platform_dependent(
    x,
    g,
    cpu=lambda x, g: _narrower_first(x, g, _contract_laid_out_rows),
    default=lambda x, g: _product(x, g, dims=(0, 0)),
  )
  return grad_x.astype(like_x.dtype), grad_w.astype(like_w.dtype)


bf16_matmul.defvjp(_bf16_forward, _bf16_backward)


def _check_dense(name: str, lhs, rhs, dimension_numbers) -> None:
  contraction, batch = dimension_numbers
  if tuple(map(tuple, contraction)) != ((lhs.ndim - 1,), (0,)) or any(batch):
    raise ValueError(
      f"{name} contracts the last axis of lhs with the first of rhs; "
      f"got {dimension_numbers} for shapes {lhs.shape} and {rhs.shape}."
    )


def float32_dot_general(
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
  _check_dense("float32_dot_general", lhs, rhs, dimension_numbers)
  return float32_matmul(lhs, rhs)


def bf16_dot_general(
  lhs: jax.Array,
  rhs: jax.Array,
  dimension_numbers,
  precision=None,
  preferred_element_type=None,
) -> jax.Array:
  """As `float32_dot_general`, products in bfloat16, sums in float32.

  Raises:
    ValueError: for any other contraction than last axis with first axis.
  """
  del precision, preferred_element_type
  _check_dense("bf16_dot_general", lhs, rhs, dimension_numbers)
  flat = bf16_matmul(
    lhs.reshape(-1, lhs.shape[-1]), rhs.reshape(rhs.shape[0], -1)
  )
  return flat.reshape(*lhs.shape[:-1], *rhs.shape[1:])
