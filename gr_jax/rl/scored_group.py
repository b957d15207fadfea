"""The sequences that a loss compares, before and after they are scored."""

import jax
import jax.numpy as jnp
from flax import struct


@struct.dataclass
class Group:
  """`G` sequences that answer each of `B` prompts.

  Attributes:
    ids: `[B, G]` int32, equal numbers for equal sequences and -1 for those
      that name nothing; for semantic IDs the rows of their table.
    codes: `[B, G, L, ...]`, what the policy chose: codes, tokens or actions.
    where: `[B, G, L]` bool, the choices that count; an absent member has none.
    sampled: `[B, G]` bool, False for experts.
  """

  ids: jax.Array
  codes: jax.Array
  where: jax.Array
  sampled: jax.Array

  @property
  def present(self) -> jax.Array:
    """`[B, G]` bool, the members that have a choice."""
    return jnp.any(self.where, axis=-1)


@struct.dataclass
class ScoredGroup:
  """Log-probabilities of a group under three policies, and its rewards.

  Every loss is a function of one: a loss reads what its equation names and
  gives `[...]`, a number for each group.

  Attributes:
    log_probs: `[..., G, L]` of the policy that is trained.
    old_log_probs: `[..., G, L]` of the policy that drew the samples.
    rewards: `[..., G]` float32.
    where: `[..., G, L]` bool, the choices that count.
    sampled: `[..., G]` bool, False for experts, which no policy drew.
    ref_log_probs: `[..., G, L]` of the reference, or None without one.
  """

  log_probs: jax.Array
  old_log_probs: jax.Array
  rewards: jax.Array
  where: jax.Array
  sampled: jax.Array
  ref_log_probs: jax.Array | None = None

  @property
  def present(self) -> jax.Array:
    """`[..., G]` bool, the members that have a choice."""
    return jnp.any(self.where, axis=-1)
