r"""Next-token loss on the codes of whole pages (GenRec, arXiv 2604.14878).

  $L = -\sum_k w_k \sum_l \log P(y_{kl} | S_u, y_{<kl}) / \sum_k w_k
       - \sum_q \log P(END | S_u, y_q) / \sum_k w_k$

over the places `k` of all pages `q`. A page of one ID, weighed 1, has the loss
of that ID alone (`next_token`), and its end beside it.
"""

import jax
import jax.numpy as jnp

from gr_jax.objectives.next_token import token_losses


def page_losses(
  logits: list[jax.Array],
  ends: jax.Array,
  codes: jax.Array,
  *,
  weights: jax.Array,
  ended: jax.Array,
) -> jax.Array:
  """Of every level and of the ends, `[L + 1]`; their sum is `L` above.

  Args:
    logits: per level `[B, P, C_l]`; the first has one more column, the page's
      end. Later ones may have one more, the ID's end (a code of -1).
    ends: `[B, Q, C_0 + 1]`, after the last ID of each page.
    codes: `[B, P, L]`.
    weights: `[B, P]`, 0 where there is no ID.
    ended: `[B, Q]`, which ends count.
  """
  total = jnp.sum(weights)
  scale = 1 / jnp.where(total > 0, total, 1)
  where = weights > 0
  losses = []
  for l, level_logits in enumerate(logits):
    closed = codes[..., l] < 0
    last = level_logits.shape[-1] - 1
    targets = jnp.where(closed, last, codes[..., l])
    found = token_losses(level_logits, targets, where=where)
    losses.append(jnp.sum(weights * found) * scale)
    where &= ~closed
  targets = jnp.full(ended.shape, ends.shape[-1] - 1)
  found = token_losses(ends, targets, where=ended)
  return jnp.stack([*losses, jnp.sum(found) * scale])
