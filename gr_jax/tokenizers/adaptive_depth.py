"""The number of codes that an item gets (SARQ, section 2.1).

    I(c_1 : c_l) = -log P(c_1) - sum_{i=2}^{l} log P(c_i | c_1, ..., c_{i-1})
                 = -log P(c_1, ..., c_l)
    go on to level l >= 2   iff   I(c_1 : c_{l-1}) <= B_l;   else stop
    k(x) = the last level reached;   z^ = sum_{l <= k(x)} q_l

With B = -log tau: an item goes on while the interactions on its path are a
share of tau or more of those that P counts. Head items lie on busy paths and
get all L codes.

P counts interactions, not items: `P(path) = sum of w over items on it / sum of
w`. The paper leaves it open; counted by items, head and tail would hardly
differ [OURS]. A table holds the P of all prefixes of one length, so
tables of length l - 1 sum up those of length l.
"""

import math
from collections.abc import Sequence

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.tokenizers import quantizers

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


@flax.struct.dataclass
class PathBudgets:
  """The tables and budgets that decide the depth.

  Attributes:
    tables: P of every prefix.
    budgets: `[L - 1]` nats, `B_2 .. B_L`; infinity never stops.
    new_prior: scalar, `P(c | ...)` of codes that the tables do not know.
  """

  tables: PathTables
  budgets: jax.Array
  new_prior: jax.Array


def budgets_of(tau: jax.Array | np.ndarray) -> jax.Array:
  """`B = -log tau`; a share of 0 is an infinite budget."""
  return -jnp.log(jnp.asarray(tau, jnp.float32))


def within_budgets(entropy: jax.Array, budgets: jax.Array) -> jax.Array:
  """k(x) `[N]` int32 in 1 .. L from entropies `[N, L - 1]`."""
  going_mask = jnp.cumprod(entropy <= budgets, axis=-1)
  return 1 + jnp.sum(going_mask, axis=-1, dtype=jnp.int32)


def depths(codes: jax.Array, paths: PathBudgets) -> jax.Array:
  """k(x) `[N]` int32 of codes `[N, L]` at full depth."""
  entropy = path_entropy(codes, paths.tables, new_prior=paths.new_prior)
  return within_budgets(entropy, paths.budgets)


def cut_codes(codes: jax.Array, depth: jax.Array) -> jax.Array:
  """Codes `[N, L]` with -1 after the first `depth` `[N]`."""
  levels = jnp.arange(codes.shape[1])
  return jnp.where(levels < depth[:, None], codes, -1)


def cut(
  quantized: quantizers.Quantized, depth: jax.Array
) -> quantizers.Quantized:
  """A quantization without the levels after the first `depth` `[B]`.

  Residuals and rows of later levels become zero, so that every sum over levels
  (`L_commit`, `L_codebook`) ends at k(x) in value and gradient.
  """
  levels = jnp.arange(quantized.residuals.shape[0])
  keep_mask = (levels[:, None] < depth)[..., None]
  chosen = jnp.where(keep_mask, quantized.chosen, 0.0)
  return quantizers.Quantized(
    cut_codes(quantized.codes, depth),
    sum(chosen[1:], start=chosen[0]),
    jnp.where(keep_mask, quantized.residuals, 0.0),
    chosen,
  )
