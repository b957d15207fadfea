"""A kernel of attention beside the plain form: values and gradients."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.nn.attention import Kernel, KeyValues
from gr_jax.nn.attention_mask import (
  AttentionMask,
  Blocks,
  branch_mask,
  causal_mask,
  packed_mask,
  page_mask,
  two_way_mask,
)

B, T, H, K, h = 2, 150, 4, 2, 16
PROMPT = 110


def _there(*, all_from: int = T) -> jax.Array:
  """Padding in the middle, at both ends, and in the second row alone."""
  there = np.random.default_rng(0).random((B, T)) < 0.7
  there[1, :3] = False
  there[:, all_from:] = True
  return jnp.asarray(there)


def _pages() -> jax.Array:
  """Pages of other lengths in every row, after a prompt."""
  inside = np.sort(np.random.default_rng(1).integers(1, 4, (B, T - PROMPT)))
  return jnp.asarray(np.pad(inside, ((0, 0), (PROMPT, 0))))


def masks() -> dict[str, AttentionMask]:
  """Every kind of mask with padding, by name."""
  owners = np.sort(np.random.default_rng(2).integers(0, 4, (B, T)), axis=1)
  prompt = _there(all_from=PROMPT)
  blocks = Blocks(PROMPT, 8, 5)
  return {
    "causal": causal_mask(_there()),
    "branches": branch_mask(prompt, 8, 5),
    "pages": page_mask(prompt, _pages(), page_count=3),
    "packed": packed_mask(_there(), jnp.asarray(owners)),
    "two ways": two_way_mask(prompt, blocks),
    "cross": two_way_mask(prompt, blocks, Blocks(0, 8, 6)),
  }


def inputs(mask: AttentionMask) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Queries, keys and values for a mask."""
  rows, columns = mask.pattern.shape
  rng = np.random.default_rng(3)
  shapes = (B, rows, H, h), (B, columns, K, h), (B, columns, K, h)
  q, k, v = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in shapes)
  return q, k, v


def values_and_gradients(
  attend: Callable[..., jax.Array], mask: AttentionMask, *others: jax.Array
) -> list[jax.Array]:
  """Results at rows that are read, and gradients of what depends on those.

  Args:
    attend: a function of queries, cached keys and values, and the others.
    mask: its mask.
    *others: what else has gradients.
  """
  q, k, v = inputs(mask)
  read = jnp.ones((B, q.shape[1], 1))
  if mask.pattern.rows == mask.pattern.columns and mask.there is not None:
    read = mask.there[..., None]
  by = jnp.asarray(
    np.random.default_rng(4).normal(size=(*q.shape[:2], H * h)), jnp.float32
  )

  def total(q, k, v, *others):
    out = attend(q, KeyValues(k, v), *others)
    return (out * by * read).sum(), out

  arguments = q, k, v, *others
  where = tuple(range(len(arguments)))
  gradients, out = jax.jit(jax.grad(total, where, has_aux=True))(*arguments)
  assert np.isfinite(out).all()
  return [out * read, *gradients]


def check_equal(
  kernel: Kernel, plain: list[jax.Array], mask: AttentionMask, *, atol: float
) -> None:
  """Compares a kernel with `values_and_gradients` of the plain form."""
  found = values_and_gradients(kernel.attend, mask)
  for ours, expected in zip(found, plain, strict=True):
    np.testing.assert_allclose(ours, expected, atol=atol)
