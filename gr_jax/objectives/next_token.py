"""Next-token losses on the codes of semantic IDs and of whole pages."""

from collections.abc import Iterator, Sequence

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
  logits: jax.Array,
  targets: jax.Array,
  *,
  where: jax.Array,
  total: jax.Array | None = None,
) -> jax.Array:
  """The mean of `token_losses` over the places where `where`; 0 of none.

  Of a part of a batch, its share of the mean over the whole: `total` is the
  number of places of the whole batch.
  """
  losses = token_losses(logits, targets, where=where)
  total = where.sum() if total is None else total
  return losses.sum() / jnp.maximum(total, 1)


def code_totals(codes: jax.Array, *, where: jax.Array) -> jax.Array:
  """The number of targets of every level, `[L]`; arguments as `code_losses`.

  Level `l` has the targets whose IDs did not end before it.
  """
  ended = jnp.cumsum(codes < 0, axis=-1) - (codes < 0) > 0
  open_mask = where[..., None] & ~ended
  return open_mask.sum(axis=tuple(range(open_mask.ndim - 1)))


def level_targets(
  logits: Sequence[jax.Array], codes: jax.Array, *, where: jax.Array
) -> Iterator[tuple[jax.Array, jax.Array, jax.Array]]:
  """Logits `[..., C_l]`, targets and which of them count `[...]`, by level.

  A code of -1 after an early end is a target once, as the last column
  ("the ID ends here"); what follows it is not a target.

  Args:
    logits: per level `[..., C_l]`.
    codes: `[..., L]`.
    where: `[...]`, which targets count.
  """
  for level, scores in enumerate(logits):
    ended = codes[..., level] < 0
    yield (
      scores,
      jnp.where(ended, scores.shape[-1] - 1, codes[..., level]),
      where,
    )
    where = where & ~ended


def code_losses(
  logits: list[jax.Array],
  codes: jax.Array,
  *,
  where: jax.Array,
  totals: jax.Array | None = None,
) -> jax.Array:
  """Cross-entropy of every level, `[L]`; those of `level_targets`.

  Args:
    logits: per level `[..., C_l]`.
    codes: `[..., L]`.
    where: `[...]`, which targets count.
    totals: the `code_totals` of the whole batch, of which this is a part; None
      of a whole batch.
  """
  losses = []
  for level, (scores, target, counted) in enumerate(
    level_targets(logits, codes, where=where)
  ):
    total = None if totals is None else totals[level]
    losses.append(cross_entropy(scores, target, where=counted, total=total))
  return jnp.stack(losses)


def page_losses(
  logits: list[jax.Array],
  ends: jax.Array,
  codes: jax.Array,
  *,
  weights: jax.Array,
  ended: jax.Array,
  total: jax.Array | None = None,
) -> jax.Array:
  r"""Next-token losses on the codes of whole pages (GenRec, 2604.14878).

  $$ L = -\sum_k w_k \sum_l \log P(y_{kl} | S_u, y_{<kl}) / \sum_k w_k
         - \sum_q \log P(END | S_u, y_q) / \sum_k w_k $$

  over the places `k` of all pages `q`. A page of one ID, weighed 1, has the
  losses of that ID alone (`code_losses`), and its end beside them.

  Args:
    logits: per level `[B, P, C_l]`; the first has one more column, the page's
      end. Later ones may have one more, the ID's end (a code of -1).
    ends: `[B, Q, C_0 + 1]`, after the last ID of each page.
    codes: `[B, P, L]`.
    weights: `[B, P]`, 0 where there is no ID.
    ended: `[B, Q]`, which ends count.
    total: the sum of the weights of the whole batch, of which this is a part;
      None of a whole batch.

  Returns:
    `[L + 1]`, of every level and of the ends; their sum is `L`.
  """
  total = jnp.sum(weights) if total is None else total
  scale = 1 / jnp.where(total > 0, total, 1)
  losses = [
    jnp.sum(weights * token_losses(scores, target, where=where)) * scale
    for scores, target, where in level_targets(logits, codes, where=weights > 0)
  ]
  targets = jnp.full(ended.shape, ends.shape[-1] - 1)
  found = token_losses(ends, targets, where=ended)
  return jnp.stack([*losses, jnp.sum(found) * scale])
