"""Path entropy, the surprise of an item's first codes (SARQ, section 2.1).

    I(c_1 : c_l) = -log P(c_1) - sum_{i=2}^{l} log P(c_i | c_1, ..., c_{i-1})
                 = -log P(c_1, ..., c_l)

P counts interactions, not items: `P(path) = sum of w over items on it / sum of
w`. The paper leaves it open; counted by items, head and tail would hardly
differ [OURS]. A table holds the P of all prefixes of one length, so
tables of length l - 1 sum up those of length l.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

PathTables = tuple[jax.Array, ...]
"""Per prefix length `l = 1 .. L - 1`, P `[C_1, ..., C_l]` float32."""

_MOST_CELLS = 2**28  # 1 GB.


def check_sizes(sizes: Sequence[int]) -> None:
  """Raises ValueError where the longest prefixes have too many cells."""
  cells = math.prod(sizes[:-1])
  if cells > _MOST_CELLS:
    raise ValueError(
      f"levels {tuple(sizes)} have {cells:,} prefixes of {len(sizes) - 1} "
      f"codes; a table holds {_MOST_CELLS:,}: take fewer levels or codes."
    )


def open_tables(sizes: Sequence[int]) -> PathTables:
  """Tables before the first epoch: P = 1, every entropy is 0."""
  check_sizes(sizes)
  return tuple(jnp.ones(tuple(sizes[:l])) for l in range(1, len(sizes)))


def path_tables(
  codes: jax.Array, weights: jax.Array, *, sizes: Sequence[int]
) -> PathTables:
  """The probability P of every prefix.

  Args:
    codes: `[N, L]` at full depth, also of items whose IDs end early: the
      children of a prefix then sum to it.
    weights: `[N]` interactions; all zero gives P = 0 everywhere.
    sizes: `C_l` of the L levels.
  """
  check_sizes(sizes)
  share = weights / jnp.maximum(jnp.sum(weights), 1e-30)
  tables = []
  for l in range(1, len(sizes)):
    prefix = tuple(codes[:, i] for i in range(l))
    tables.append(jnp.zeros(tuple(sizes[:l])).at[prefix].add(share))
  return tuple(tables)


def path_probabilities(
  codes: jax.Array, tables: PathTables, *, new_prior: jax.Array | float = 0.0
) -> jax.Array:
  """`P(c_1, ..., c_l)` `[N, L - 1]` of codes `[N, L]`, l = 1 .. L - 1.

  A code that a table has no row for (an extension of the codebook) and every
  code after it has `P(c_i | ...) = new_prior`.
  """
  known = jnp.ones(codes.shape[0], bool)
  last = jnp.ones(codes.shape[0])
  found = []
  for l, table in enumerate(tables):
    known &= codes[:, l] < table.shape[l]
    prefix = tuple(codes[:, i] for i in range(l + 1))
    counted = table.at[prefix].get(mode="fill", fill_value=0.0)
    last = jnp.where(known, counted, last * new_prior)
    found.append(last)
  if not found:
    return jnp.zeros((codes.shape[0], 0))
  return jnp.stack(found, axis=-1)


def path_entropy(
  codes: jax.Array, tables: PathTables, *, new_prior: jax.Array | float = 0.0
) -> jax.Array:
  """`I(c_1 : c_l)` `[N, L - 1]` in nats; infinite on paths that P excludes."""
  return -jnp.log(path_probabilities(codes, tables, new_prior=new_prior))
