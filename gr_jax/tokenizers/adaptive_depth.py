"""The number of codes that an item gets (SARQ, section 2.1).

    go on to level l >= 2   iff   I(c_1 : c_{l-1}) <= B_l;   else stop
    k(x) = the last level reached;   z^ = sum_{l <= k(x)} q_l

With B = -log tau: an item goes on while the interactions on its path are a
share of tau or more. Head items lie on busy paths and get all L codes.
"""

import flax.struct
import jax
import jax.numpy as jnp

from gr_jax.tokenizers import path_entropy, quantizers


@flax.struct.dataclass
class PathBudgets:
  """The tables and budgets that decide the depth.

  Attributes:
    tables: P of every prefix; see `path_entropy`.
    budgets: `[L - 1]` nats, `B_2 .. B_L`; infinity never stops.
    new_prior: scalar, `P(c | ...)` of codes that the tables do not know.
  """

  tables: path_entropy.PathTables
  budgets: jax.Array
  new_prior: jax.Array


def budgets_of(tau: jax.Array) -> jax.Array:
  """`B = -log tau`; a share of 0 is an infinite budget."""
  return -jnp.log(jnp.asarray(tau, jnp.float32))


def within_budgets(entropy: jax.Array, budgets: jax.Array) -> jax.Array:
  """k(x) `[N]` int32 in 1 .. L from entropies `[N, L - 1]`."""
  going_mask = jnp.cumprod(entropy <= budgets, axis=-1)
  return 1 + jnp.sum(going_mask, axis=-1, dtype=jnp.int32)


def depths(codes: jax.Array, paths: PathBudgets) -> jax.Array:
  """k(x) `[N]` int32 of codes `[N, L]` at full depth."""
  entropy = path_entropy.path_entropy(
    codes, paths.tables, new_prior=paths.new_prior
  )
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
