"""Residual quantization: codes, residuals and the losses on them.

    r_1 = x;  k_l = argmin_j ||r_l - e_j^(l)||^2;  r_{l+1} = r_l - e^(l)_{k_l}
    x^ = sum_l e^(l)_{k_l}

Shapes: inputs `[B, D]`, codebook of level l `[C_l, D]`, codes `[B, L]`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering.nearest import nearest_code
from gr_jax.nn import map_rows

Assign = Callable[[jax.Array, jax.Array], jax.Array]
"""(residuals `[B, D]`, codebook `[C, D]`) -> codes `[B]` int32."""


class Quantized(NamedTuple):
  """A residual quantization of a batch.

  Attributes:
    codes: `[B, L]` int32.
    quantized: `[B, D]`, the sum of the chosen rows.
    residuals: `[L, B, D]`, the input of each level.
    chosen: `[L, B, D]`, the codebook row that each level chose.
  """

  codes: jax.Array
  quantized: jax.Array
  residuals: jax.Array
  chosen: jax.Array


def residual_quantize(
  x: jax.Array,
  codebooks: Sequence[jax.Array],
  *,
  assign: Sequence[Assign] | None = None,
) -> Quantized:
  """Quantizes `[B, D]` level by level (TIGER, section 3.1).

  Gradients reach neither the codes nor the residuals' codebook terms: each
  residual is `x` minus constants, each chosen row depends on its codebook.

  Args:
    x: `[B, D]`.
    codebooks: per level `[C_l, D]`.
    assign: per level, how a code is chosen; the nearest by default.
  """
  assign = (nearest_code,) * len(codebooks) if assign is None else assign
  residual, quantized = x, jnp.zeros_like(x)
  codes, residuals, chosen = [], [], []
  for codebook, choose in zip(codebooks, assign, strict=True):
    code = choose(*jax.lax.stop_gradient((residual, codebook)))
    row = codebook[code]
    codes.append(code)
    residuals.append(residual)
    chosen.append(row)
    quantized = quantized + row
    residual = residual - jax.lax.stop_gradient(row)
  return Quantized(
    jnp.stack(codes, axis=-1),
    quantized,
    jnp.stack(residuals),
    jnp.stack(chosen),
  )


@jax.jit
def nearest_codes(x: jax.Array, codebooks: Sequence[jax.Array]) -> jax.Array:
  """Nearest codes `[N, L]` of `[N, D]` at every level, in slices of rows."""
  return map_rows.map_rows(
    lambda rows: residual_quantize(rows, codebooks).codes, x
  )


def code_rows(codebook: jax.Array, codes: jax.Array | np.ndarray) -> jax.Array:
  """Rows `[B, D]` of codes `[B]`; zero for -1, after an end."""
  return jnp.where(codes[:, None] >= 0, codebook[codes], 0.0)


def sum_codes(
  codes: jax.Array | np.ndarray, codebooks: Sequence[jax.Array]
) -> jax.Array:
  """`sum_l e^(l)_{k_l}` `[B, D]` of codes `[B, L]`, up to an early end."""
  rows = [code_rows(book, codes[:, l]) for l, book in enumerate(codebooks)]
  return sum(rows[1:], start=rows[0])


def straight_through(z: jax.Array, quantized: jax.Array) -> jax.Array:
  """`z + sg[z^ - z]`: the value of `z^` with the gradient of `z`."""
  return z + jax.lax.stop_gradient(quantized - z)


def commitment_loss(quantized: Quantized) -> jax.Array:
  """`mean_B sum_l ||r_l - sg[e_l]||^2`: moves the encoder (TIGER eq. 2)."""
  gap = quantized.residuals - jax.lax.stop_gradient(quantized.chosen)
  return jnp.sum(jnp.square(gap)) / gap.shape[1]


def codebook_loss(quantized: Quantized) -> jax.Array:
  """`mean_B sum_l ||sg[r_l] - e_l||^2`: moves the codebooks (TIGER eq. 2)."""
  gap = jax.lax.stop_gradient(quantized.residuals) - quantized.chosen
  return jnp.sum(jnp.square(gap)) / gap.shape[1]


def code_counts(codes: jax.Array, *, num_codes: int) -> jax.Array:
  """Counts `[C]` float32 of each code in `[B]`; -1 is none."""
  places = jnp.where(codes < 0, num_codes, codes)
  return jnp.zeros(num_codes, jnp.float32).at[places].add(1.0, mode="drop")


def perplexity(counts: jax.Array) -> jax.Array:
  """`exp(H(p))` of code counts `[C]`: 1 when collapsed, C when uniform."""
  p = counts / jnp.maximum(jnp.sum(counts), 1.0)
  return jnp.exp(-jnp.sum(jax.scipy.special.xlogy(p, p)))


def gini(counts: jax.Array) -> jax.Array:
  """Gini coefficient of code counts `[C]`: 0 uniform, `1 - 1/C` collapsed.

  G = 2 sum_i i n_(i) / (C sum n) - (C + 1) / C, counts sorted ascending.
  """
  ordered = jnp.sort(counts)
  size = counts.shape[0]
  rank = jnp.arange(1, size + 1)
  total = jnp.maximum(jnp.sum(ordered), 1e-9)
  return 2.0 * jnp.sum(rank * ordered) / (size * total) - (size + 1) / size
