"""Experts of EG-GRPO: what the log of a request shows joins its group.

`K` experts are added to the `G` samples (`append_experts`), or the last `K`
samples give way to them (`replace_with_experts`). Two of three notes on the
paper (arXiv 2605.14434) say that they are added, which is the default. A
request with fewer than `K` experts has absent members then, or keeps its own
samples. Experts that were sampled as well stand in the group twice.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.data.requests import CLICKED, ORDERED, Requests
from gr_jax.decoding.sampling import Rollouts
from gr_jax.decoding.scoring import token_mask
from gr_jax.rl.scored_group import Group
from gr_jax.tokenizers.semantic_ids import SemanticIds

AddExperts = Callable[[Group, jax.Array, jax.Array], Group]


def make_group(rollouts: Rollouts) -> Group:
  """The group without experts, as in plain GRPO."""
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
    requests: requests with their pages.
    semantic_ids: the IDs of the catalogue.
    count: the number of experts, `K`.
    lowest: the least kind that is an expert. Exposed items are worth 0.5 and
      are pushed down in every group whose mean reward is higher, so they are
      left out by default `[OURS]`.
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
  """The group `[B, G]` in which experts stand for the last samples.

  Args:
    group: `G` samples.
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
  new = members(experts, table)
  there = experts >= 0

  def mixed(old: jax.Array, expert: jax.Array) -> jax.Array:
    last = old[:, size - count :]
    mask = there.reshape(there.shape + (1,) * (old.ndim - 2))
    kept = jnp.where(mask, expert, last)
    return jnp.concatenate((old[:, : size - count], kept), axis=1)

  return jax.tree.map(mixed, group, new)


def append_experts(group: Group, experts: jax.Array, table: jax.Array) -> Group:
  """The group `[B, G + K]` in which experts follow the samples.

  Arguments as for `replace_with_experts`; any number of experts fits.
  """
  new = members(experts, table)
  return jax.tree.map(
    lambda old, expert: jnp.concatenate((old, expert), axis=1), group, new
  )


# By the values of `align.experts`.
EXPERTS = {"append": append_experts, "replace": replace_with_experts}


def members(experts: jax.Array, table: jax.Array) -> Group:
  """The members that ID rows `[B, K]` name, -1 = absent; nobody drew them."""
  there = experts >= 0
  codes = jnp.where(there[..., None], table[experts], -1)
  return Group(
    ids=experts,
    codes=codes,
    where=there[..., None] & token_mask(codes),
    sampled=jnp.zeros_like(there),
  )
