"""The loss of dual encoders: every item of the batch is a candidate."""

import jax
import jax.numpy as jnp


def in_batch_softmax(
  requests: jax.Array,
  items: jax.Array,
  *,
  temperature: float,
  negative_mask: jax.Array,
  where: jax.Array | None = None,
) -> jax.Array:
  r"""Negative log-likelihood of the wanted item (DPR, eq. 2).

  $$ -\mathrm{mean}_b \log \frac{\exp(q_b \cdot d_b / \tau)}
  {\sum_{c \in \{b\} \cup N_b} \exp(q_b \cdot d_c / \tau)} $$

  As in DPR, nothing makes up for popular items being drawn more often as
  negatives (no logQ correction).

  Args:
    requests: `[B, D]`.
    items: `[C, D]`, `C >= B`: row `b < B` is what request `b` wants, the others
      are mined negatives.
    temperature: tau; 1 in DPR.
    negative_mask: `[B, C]` bool, which items are negatives of which request.
      The wanted one always counts.
    where: `[B]` bool, requests that count.

  Returns:
    A scalar; 0 where no request counts.
  """
  count = requests.shape[0]
  where = jnp.ones(count, bool) if where is None else where
  scores = requests @ items.T / temperature
  own = jnp.diagonal(scores)
  wanted = jnp.eye(*scores.shape, dtype=bool)
  kept = jnp.where(negative_mask | wanted, scores, -jnp.inf)
  losses = jax.nn.logsumexp(kept, axis=-1) - own
  return jnp.where(where, losses, 0).sum() / jnp.maximum(where.sum(), 1)
