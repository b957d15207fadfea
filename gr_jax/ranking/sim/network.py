"""SIM: a long history searched for a candidate, then attended to by it.

  general search unit   the k events that matter for the candidate
  exact search unit     multi-head target attention over them
  p(click) = sigmoid(MLP([user, query, item, attended, item ⊙ each]))

After Pi et al. 2020 (SIM), from memory of the paper and with our own details
`[OURS]`: the products of the item with the others, the query, popularity as a
number, and vectors that are given instead of learned, so that a new item has a
score.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.ranking.sim.history_search import (
  Events,
  Search,
  hard_search,
  keep_best,
)


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
  """Sizes of the network.

  Attributes:
    search: the general search unit, `hard_search` or `soft_search`.
    kept: events that the exact search unit reads.
    width: the width of every projected vector.
    heads: the number of heads of the target attention, a divisor of `width`.
    hidden: layers of the MLP.
  """

  search: Search = hard_search
  kept: int = 20
  width: int = 32
  heads: int = 2
  hidden: tuple[int, ...] = (64, 32)

  def __post_init__(self):
    if self.width % self.heads:
      raise ValueError(
        f"heads ({self.heads}) must divide width ({self.width})."
      )


@struct.dataclass
class Candidates:
  """Pairs of a request and an item, and what is known of them.

  Attributes:
    vectors: `[B, D]` of the items.
    categories: `[B]` int32, -1 = unknown.
    popularity: `[B]` float32, standardised.
    queries: `[B, D']`, 0 where there is no query.
    events: the history of the request.
  """

  vectors: jax.Array
  categories: jax.Array
  popularity: jax.Array
  queries: jax.Array
  events: Events


class TargetAttention(nn.Module):
  """`softmax(q(item) k(event)ᵀ / √h) v(event)` over few events, `[B, W]`.

  Events carry their age. With no event at all the answer is 0.
  """

  config: NetworkConfig

  @nn.compact
  def __call__(self, item: jax.Array, events: Events) -> jax.Array:
    heads, width = self.config.heads, self.config.width
    age = jnp.log1p(jnp.maximum(events.ages, 0))[..., None]
    x = jnp.concatenate((events.vectors, age), axis=-1)

    def split(y: jax.Array) -> jax.Array:
      return y.reshape(*y.shape[:-1], heads, width // heads)

    q = split(nn.Dense(width, name="query")(item))
    k = split(nn.Dense(width, name="key")(x))
    v = split(nn.Dense(width, name="value")(x))
    scores = jnp.einsum("bhd,bkhd->bhk", q, k) * (width // heads) ** -0.5
    mask = events.mask[:, None]
    weights = jax.nn.softmax(jnp.where(mask, scores, -1e30), axis=-1)
    weights = jnp.where(mask, weights, 0)
    out = jnp.einsum("bhk,bkhd->bhd", weights, v)
    return out.reshape(*out.shape[:-2], width)


class PreferenceNetwork(nn.Module):
  """Logits of a click on every candidate."""

  config: NetworkConfig

  @nn.compact
  def __call__(self, candidates: Candidates) -> jax.Array:
    """`[B]` float32."""
    c, events = self.config, candidates.events
    scores = c.search(candidates.vectors, candidates.categories, events)
    found = keep_best(events, scores, k=c.kept)
    count = jnp.maximum(events.mask.sum(axis=1), 1)[:, None]
    user = jnp.where(events.mask[..., None], events.vectors, 0).sum(axis=1)
    item = nn.Dense(c.width, name="item")(candidates.vectors)
    others = [
      nn.Dense(c.width, name="user")(user / count),
      nn.Dense(c.width, name="asked")(candidates.queries),
      TargetAttention(c, name="attention")(candidates.vectors, found),
    ]
    x = jnp.concatenate(
      [
        item,
        *others,
        *(item * other for other in others),
        candidates.popularity[:, None],
        jnp.log1p(found.mask.sum(axis=1, keepdims=True)),
      ],
      axis=-1,
    )
    for features in c.hidden:
      x = nn.silu(nn.Dense(features)(x))
    return nn.Dense(1, name="logit")(x)[:, 0]
