"""Experts of EG-GRPO: what the log of a request shows joins its group.

Of `G` samples the last `K` give way to experts (`replace_with_experts`), or
`K` are added (`append_experts`). The paper's notes differ on which; replacing
is our default `[OURS]`. A request with fewer than `K` experts keeps its own
samples, or has a shorter group. Experts that were sampled as well stand in the
group twice.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from gr_jax.data.requests import CLICKED, ORDERED, Requests
from gr_jax.decoding.sampling import Rollouts
from gr_jax.decoding.scoring import token_mask
from gr_jax.tokenizers.semantic_ids import SemanticIds


@struct.dataclass
class Group:
  """The sequences that a loss compares.

  Attributes:
    ids: `[B, G]` int32 rows of the ID table, -1 = names nothing.
    codes: `[B, G, L]` int32.
    where: `[B, G, L]` bool, tokens that count; none in an absent member.
    sampled: `[B, G]` bool, False for experts.
  """

  ids: jax.Array
  codes: jax.Array
  where: jax.Array
  sampled: jax.Array

  @property
  def present(self) -> jax.Array:
    """`[B, G]` bool."""
    return jnp.any(self.where, axis=-1)


def make_group(rollouts: Rollouts) -> Group:
  """The group without experts, that of plain GRPO."""
  return Group(
    ids=rollouts.ids,
    codes=rollouts.codes,
    where=rollouts.where,
    sampled=jnp.any(rollouts.where, axis=-1),
  )


def page_experts(
  requests: Requests,
  semantic_ids: SemanticIds,
  *,
  count: int,
  lowest: int = CLICKED,
  highest: int = ORDERED,
) -> np.ndarray:
  """The best `count` IDs of every request's own page, `[R, count]` int32.

  Ordered before clicked before exposed, and in the order of the page within a
  kind `[OURS]`; an ID of several items counts as its best. -1 fills up.

  Args:
    requests: with their pages.
    semantic_ids: of the catalogue.
    count: `K`.
    lowest: the least kind that is an expert. Exposed items are worth 0.5 and
      are pushed down in every group whose mean reward is higher, so they are
      left out by default (measured in systems.md 1.8).
    highest: the greatest kind that is one; EXPOSED leaves out what was clicked.
  """
  request = requests.page_request
  kept = np.flatnonzero(requests.page_kind >= lowest)
  request, kind = request[kept], requests.page_kind[kept]
  ids = semantic_ids.id_of_item[requests.page_item[kept]]
  order = np.lexsort((kept, -kind.astype(np.int64), request))
  request, ids = request[order], ids[order]
  # Of an ID that comes up again only the first, best place stays.
  _, first = np.unique(request * semantic_ids.num_ids + ids, return_index=True)
  first = np.sort(first)
  first = first[kind[order][first] <= highest]
  request, ids = request[first], ids[first]
  place = np.arange(len(request)) - np.searchsorted(request, request)
  out = np.full((len(requests), count), -1, np.int32)
  fits = place < count
  out[request[fits], place[fits]] = ids[fits]
  return out


def replace_with_experts(
  group: Group, experts: jax.Array, table: jax.Array
) -> Group:
  """The last samples give way, one for each expert: `[B, G]` as before.

  Args:
    group: of `G` samples.
    experts: `[B, K]` ID rows, -1 = none; `K <= G`.
    table: `[M, L]` int32, codes of all IDs.

  Raises:
    ValueError: for more experts than places.
  """
  size, count = group.ids.shape[1], experts.shape[1]
  if count > size:
    raise ValueError(
      f"{count} experts do not fit a group of {size}: lower the number of "
      "experts, raise the group size, or append them."
    )
  new = named_members(experts, table)
  there = experts >= 0

  def mixed(old: jax.Array, expert: jax.Array) -> jax.Array:
    last = old[:, size - count :]
    mask = there.reshape(there.shape + (1,) * (old.ndim - 2))
    kept = jnp.where(mask, expert, last)
    return jnp.concatenate((old[:, : size - count], kept), axis=1)

  return jax.tree.map(mixed, group, new)


def append_experts(group: Group, experts: jax.Array, table: jax.Array) -> Group:
  """All samples stay and experts follow: `[B, G + K]`; see above."""
  new = named_members(experts, table)
  return jax.tree.map(
    lambda old, expert: jnp.concatenate((old, expert), axis=1), group, new
  )


def named_members(experts: jax.Array, table: jax.Array) -> Group:
  """ID rows `[B, K]`, -1 = absent, as members that nobody sampled."""
  there = experts >= 0
  codes = jnp.where(there[..., None], table[experts], -1)
  return Group(
    ids=experts,
    codes=codes,
    where=there[..., None] & token_mask(codes),
    sampled=jnp.zeros_like(there),
  )
