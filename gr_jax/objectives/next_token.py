"""Next-token loss on the codes of semantic IDs."""

import jax
import jax.numpy as jnp


def token_losses(
  logits: jax.Array, targets: jax.Array, *, where: jax.Array
) -> jax.Array:
  """`-log softmax(logits)[target]` `[...]`, 0 except where `where`.

  Args:
    logits: `[..., C]`, computed on in float32.
    targets: integers `[...]`; their value is not read where masked.
    where: `[...]`, True = counts.
  """
  logits = logits.astype(jnp.float32)
  chosen = jnp.take_along_axis(
    logits, jnp.where(where, targets, 0)[..., None], axis=-1
  )[..., 0]
  losses = jax.nn.logsumexp(logits, axis=-1) - chosen
  return jnp.where(where, losses, 0)


def cross_entropy(
  logits: jax.Array, targets: jax.Array, *, where: jax.Array
) -> jax.Array:
  """The mean of `token_losses` over the places where `where`; 0 of none."""
  losses = token_losses(logits, targets, where=where)
  return losses.sum() / jnp.maximum(where.sum(), 1)


def code_losses(
  logits: list[jax.Array], codes: jax.Array, *, where: jax.Array
) -> jax.Array:
  """Cross-entropy of every level, `[L]`.

  A code of -1 after an early end is a target once, as the last column
  ("the ID ends here"); what follows it is not a target.

  Args:
    logits: per level `[..., C_l]`.
    codes: `[..., L]`.
    where: `[...]`, which targets count.
  """
  losses = []
  open_mask = where
  for l, level_logits in enumerate(logits):
    ended = codes[..., l] < 0
    end_column = level_logits.shape[-1] - 1
    target = jnp.where(ended, end_column, codes[..., l])
    losses.append(cross_entropy(level_logits, target, where=open_mask))
    open_mask = open_mask & ~ended
  return jnp.stack(losses)
