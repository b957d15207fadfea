r"""One step of many paths down the trie, with both policies' log-probabilities.

A path stands at a node; the model says $\log p(c)$ for every code. Two policies
follow from it: the *model's* own, $\log p(c)$, and the one *constrained* to the
catalogue, renormalised over the children `K` of the node,

  $\log q(c) = \log p(c) - \log \sum_{c' \in K} p(c')$,

which is what a search or a sample inside the trie can say. Both are 0 where
there is nothing to choose: after an early end.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gr_jax.decoding.trie import Trie


class TriePaths(NamedTuple):
  """The state of `M` paths per request.

  Attributes:
    nodes: `[B, M]` int32 trie nodes.
    live: `[B, M]` bool; the others are padding.
    codes: `[B, M, l]` int32, -1 after an early end.
    parents: `[B, M]` int32, the path of the step before that each extends.
    model_log_probs: `[B, M, l]` float32 of the codes.
    constrained_log_probs: `[B, M, l]` float32, those in the catalogue.
  """

  nodes: jax.Array
  live: jax.Array
  codes: jax.Array
  parents: jax.Array
  model_log_probs: jax.Array
  constrained_log_probs: jax.Array

  @property
  def ended(self) -> jax.Array:
    """`[B, M]` bool: the ID ended before this level."""
    return self.codes[..., -1] < 0


class Children(NamedTuple):
  """The nodes that paths can go to.

  Attributes:
    first: `[B, M]` int32, first child.
    model_log_probs: `[B, M, K]`, `-inf` where there is no child.
    constrained_log_probs: `[B, M, K]`, renormalised over the children.
  """

  first: jax.Array
  model_log_probs: jax.Array
  constrained_log_probs: jax.Array


class Chosen(NamedTuple):
  """The children that `M'` paths go on to.

  Attributes:
    parents: `[B, M']` int32 paths.
    slots: `[B, M']` int32 children of the parents.
    live: `[B, M']` bool; False is padding.
  """

  parents: jax.Array
  slots: jax.Array
  live: jax.Array


def start(batch: int) -> TriePaths:
  """One path per request, at the root."""
  zeros = jnp.zeros((batch, 1), jnp.int32)
  nothing = jnp.zeros((batch, 1, 0))
  return TriePaths(
    nodes=zeros,
    live=jnp.ones((batch, 1), bool),
    codes=nothing.astype(jnp.int32),
    parents=zeros,
    model_log_probs=nothing,
    constrained_log_probs=nothing,
  )


def expand(
  paths: TriePaths, log_probs: jax.Array, trie: Trie, *, level: int
) -> Children:
  """The children of every path, with both policies' log-probabilities.

  Args:
    paths: the paths before `level`.
    log_probs: `[B, M, C]` of the model, END last where IDs end early.
    trie: the catalogue.
    level: static.
  """
  first, last = trie.children(level, paths.nodes)
  children = first[..., None] + jnp.arange(trie.branches[level])
  there = (children < last[..., None]) & paths.live[..., None]
  codes = trie.child_codes(level, children)
  own = jnp.take_along_axis(log_probs, codes, axis=-1, mode="clip")
  if trie.has_ends and level:
    own = jnp.where(paths.ended[..., None], 0.0, own)
  own = jnp.where(there, own, -jnp.inf)
  total = jax.nn.logsumexp(own, axis=-1, keepdims=True)
  # Padding has no child at all: -inf - -inf must not become NaN.
  constrained = own - jnp.where(jnp.isfinite(total), total, 0.0)
  return Children(first, own, constrained)


def advance(
  paths: TriePaths,
  children: Children,
  chosen: Chosen,
  trie: Trie,
  *,
  level: int,
) -> TriePaths:
  """The chosen paths, one level further."""
  parents, slots, live = chosen

  def pick(values: jax.Array) -> jax.Array:
    rows = jnp.take_along_axis(values, parents[..., None], axis=1)
    return jnp.take_along_axis(rows, slots[..., None], axis=2)

  def append(prefix: jax.Array, new: jax.Array) -> jax.Array:
    prefix = jnp.take_along_axis(prefix, parents[..., None], axis=1)
    return jnp.concatenate([prefix, new], axis=-1)

  nodes = jnp.take_along_axis(children.first, parents, axis=1) + slots
  codes = trie.child_codes(level, nodes)
  codes = jnp.where(codes == trie.level_sizes[level], -1, codes)
  return TriePaths(
    nodes,
    live,
    append(paths.codes, codes[..., None]),
    parents,
    append(paths.model_log_probs, pick(children.model_log_probs)),
    append(paths.constrained_log_probs, pick(children.constrained_log_probs)),
  )
