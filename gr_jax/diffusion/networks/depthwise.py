r"""A 3 x 3 convolution of every channel by itself, zeros beyond the edges.

$$ y_{r,c} = \sum_{i,j=-1}^{1} w_{i,j} ⊙ x_{r+i,c+j} $$

as nine shifted products: XLA's grouped convolution takes 15 times as long on
CPU (64 x 8 x 8 x 960: 106 ms of a core against 7). The gradient of `w` is a sum
over pictures and places; as automatic differentiation leaves it, XLA sums down
columns one number at a time (81 ms). Here pictures are added up in a scan (19
ms). `[OURS]`; other backends get the plain sum.
"""

import jax
import jax.numpy as jnp

_OFFSETS = tuple((i, j) for i in range(3) for j in range(3))


def _windows(x: jax.Array) -> list[jax.Array]:
  """The nine shifts of `[..., H, W, C]`, zeros beyond the edges."""
  H, W = x.shape[-3:-1]
  around = [(0, 0)] * (x.ndim - 3) + [(1, 1), (1, 1), (0, 0)]
  padded = jnp.pad(x, around)
  return [padded[..., i : i + H, j : j + W, :] for i, j in _OFFSETS]


@jax.custom_vjp
def depthwise(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """`[B, H, W, C]` of `[B, H, W, C]` and a kernel `[9, C]`, row by row."""
  return sum(window * weight for window, weight in zip(_windows(x), kernel))  # pyright: ignore[reportReturnType]


def _forward(x, kernel):
  return depthwise(x, kernel), (x, kernel)


def _sum_at_once(x: jax.Array, g: jax.Array) -> jax.Array:
  return jnp.stack([jnp.sum(w * g, axis=(0, 1, 2)) for w in _windows(x)])


def _sum_in_turn(x: jax.Array, g: jax.Array) -> jax.Array:
  def add(total, row):
    x, g = row
    return total + jnp.stack([window * g for window in _windows(x)]), None

  nothing = jnp.zeros((9, *x.shape[1:]), x.dtype)
  total, _ = jax.lax.scan(add, nothing, (x, g))
  return total.sum(axis=(1, 2))


def _backward(residuals, g):
  x, kernel = residuals
  # By the platform that is compiled for, which need not be this machine's.
  grad_kernel = jax.lax.platform_dependent(
    x, g, cpu=_sum_in_turn, default=_sum_at_once
  )
  return depthwise(g, kernel[::-1]), grad_kernel


depthwise.defvjp(_forward, _backward)
