"""Contrastive losses between two sides of a batch."""

import jax
import jax.numpy as jnp


def normalize(x: jax.Array) -> jax.Array:
  """Rows of `[..., D]` at length one, in float32; a zero row stays zero."""
  x = x.astype(jnp.float32)
  square = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
  return x * jax.lax.rsqrt(jnp.maximum(square, 1e-12))


def info_nce(
  items: jax.Array,
  queries: jax.Array,
  *,
  temperature: float,
  where: jax.Array | None = None,
  negative_mask: jax.Array | None = None,
) -> jax.Array:
  r"""Symmetric InfoNCE of matched rows (CQ-SID, L_NCE).

  $$ -\tfrac12 \mathrm{mean}_i [\log \mathrm{softmax}_{q'}(\cos(e_i,e_{q'})/
  \tau)_{i} + \log \mathrm{softmax}_{i'}(\cos(e_{i'},e_q)/\tau)_{i}] $$

  Args:
    items: `[B, D]`.
    queries: `[B, D]`, row i belongs to item i.
    temperature: tau.
    where: `[B]` bool, rows that have a query. The others count in neither
      direction.
    negative_mask: `[B, B]` bool (item, query), which pairs may serve as
      negatives; by default those whose both sides are in `where`. A pair's own
      query always counts. `[OURS]`: callers drop pairs that repeat the same
      item or query, which are not negatives.

  Returns:
    A scalar; 0 when no row has a query.
  """
  size = items.shape[0]
  where = jnp.ones(size, bool) if where is None else where
  if negative_mask is None:
    negative_mask = where[:, None] & where[None, :]
  logits = normalize(items) @ normalize(queries).T / temperature
  own = jnp.diagonal(logits)
  kept = jnp.where(negative_mask | jnp.eye(size, dtype=bool), logits, -jnp.inf)
  by_query = jax.nn.logsumexp(kept, axis=0) - own
  by_item = jax.nn.logsumexp(kept, axis=1) - own
  total = jnp.sum(jnp.where(where, by_query + by_item, 0.0))
  return 0.5 * total / jnp.maximum(jnp.sum(where), 1)


def in_batch_softmax(
  requests: jax.Array,
  items: jax.Array,
  *,
  temperature: float,
  negative_mask: jax.Array,
  where: jax.Array | None = None,
) -> jax.Array:
  r"""Negative log-likelihood of the wanted item (DPR, arXiv 2004.04906, eq. 2).

  $$ -\mathrm{mean}_b \log \frac{\exp(q_b \cdot d_b / \tau)}
  {\sum_{c \in \{b\} \cup N_b} \exp(q_b \cdot d_c / \tau)} $$

  As in DPR, nothing makes up for popular items being drawn more often as
  negatives (no logQ correction).

  Args:
    requests: `[B, D]`.
    items: `[C, D]`, `C >= B`: row `b < B` is the item that request `b` wants,
      the others are mined negatives.
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


def multi_positive_nce(
  vectors: jax.Array,
  *,
  positive_mask: jax.Array,
  candidate_mask: jax.Array,
  temperature: float,
) -> jax.Array:
  r"""InfoNCE of rows that have several positives each (GR4AD, L_NCE).

  $$ -\mathrm{mean}_i \log \frac{\sum_{j \in P_i} \exp(\cos(z_i, z_j) / \tau)}
  {\sum_{k \in P_i \cup C_i} \exp(\cos(z_i, z_k) / \tau)} $$

  It is enough that one positive is near: the sum is inside the logarithm. With
  one positive it is the usual InfoNCE.

  Args:
    vectors: `[B, D]`.
    positive_mask: `[B, B]` bool, the positives `P_i` of each row.
    candidate_mask: `[B, B]` bool, `C_i`. In GR4AD all other rows; callers drop
      repeats of the row itself, which are no negatives `[OURS]`.
    temperature: tau.

  Returns:
    A scalar, the mean over the rows with a positive; 0 where none has.
  """
  z = normalize(vectors)
  logits = z @ z.T / temperature
  where = positive_mask.any(axis=1)
  # A row without positives has no finite logarithm, nor a finite gradient.
  near = jnp.where(where[:, None], positive_mask, True)
  positive = jax.nn.logsumexp(logits, axis=1, where=near)
  every = jax.nn.logsumexp(logits, axis=1, where=near | candidate_mask)
  total = jnp.sum(jnp.where(where, every - positive, 0.0))
  return total / jnp.maximum(jnp.sum(where), 1)
