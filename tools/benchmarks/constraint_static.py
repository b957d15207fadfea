"""STATIC's constrained search, rewritten from its published description.

Su et al. 2026, "Vectorizing the Trie" (arXiv 2602.22647), and its repository.
Nodes have explicit numbers. The first two codes are looked up in dense tables
over the vocabulary, and every beam keeps its best codes before all compete;
below, the children of a node are a slice of `(code, node)` pairs, compressed
sparse rows, and a step reads as many pairs per beam as the widest node of the
level has. Prefixes follow their beams through a one-hot product. A beam keeps
as many codes as there are beams: fewer, as the original allows, is not exact.
"""

from collections.abc import Sequence
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np


@flax.struct.dataclass
class StaticIndex:
  """Attributes:
  start_mask: `[V]`, codes that an ID may begin with.
  dense_mask: `[V, V]`, pairs that an ID may begin with.
  dense_nodes: `[V, V]` int32, the node of each pair.
  children: `[edges, 2]` int32, code and node of every child.
  offsets: `[nodes + 1]` int32, where a node's children begin.
  branches: per level from the third on, children of its widest node.
  """

  start_mask: jax.Array
  dense_mask: jax.Array
  dense_nodes: jax.Array
  children: jax.Array
  offsets: jax.Array
  branches: tuple[int, ...] = flax.struct.field(pytree_node=False)

  @property
  def nbytes(self) -> int:
    return sum(x.nbytes for x in jax.tree.leaves(self))


class StaticBeams(NamedTuple):
  """Beams `[B, M]`: where they are, their scores and codes `[B, M, l]`."""

  nodes: jax.Array
  scores: jax.Array
  codes: jax.Array


def build_index(ids: np.ndarray, vocabulary: int) -> StaticIndex:
  """The index of sorted distinct `ids` `[R, L]`, `L > 2`."""
  levels = ids.shape[1]
  new = np.zeros(ids.shape, bool)
  new[0] = True
  new[1:] = np.logical_or.accumulate(ids[1:] != ids[:-1], axis=1)
  # Numbers 0.. per depth from the second on, one depth after the other.
  ranks = np.cumsum(new[:, 1:], axis=0) - 1
  counts = ranks[-1] + 1
  first = np.concatenate(([0], np.cumsum(counts)))
  pairs = ids[new[:, 1], :2]
  dense_mask = np.zeros((vocabulary, vocabulary), bool)
  dense_mask[tuple(pairs.T)] = True
  dense_nodes = np.zeros((vocabulary, vocabulary), np.int32)
  dense_nodes[tuple(pairs.T)] = np.arange(len(pairs))
  codes, nodes, degrees = [], [], []
  for level in range(2, levels):
    starts = new[:, level]
    codes.append(ids[starts, level])
    nodes.append(first[level - 1] + np.arange(counts[level - 1]))
    degrees.append(
      np.bincount(ranks[starts, level - 2], minlength=counts[level - 2])
    )
  branches = tuple(int(degree.max()) for degree in degrees)
  children = np.stack((np.concatenate(codes), np.concatenate(nodes)), axis=1)
  # Leaves have no children.
  degrees.append(np.zeros(counts[-1], np.int64))
  offsets = np.concatenate(([0], np.cumsum(np.concatenate(degrees))))
  return jax.device_put(
    StaticIndex(
      dense_mask.any(axis=1),
      dense_mask,
      dense_nodes,
      children.astype(np.int32),
      offsets.astype(np.int32),
      branches,
    )
  )


def static_search(
  log_probs: Sequence[jax.Array], index: StaticIndex, *, beam_size: int
) -> StaticBeams:
  """The best IDs under scores `[B, V]`, then `[B, M, V]` a level."""
  masked = jnp.where(index.start_mask, log_probs[0], -jnp.inf)
  scores, codes = jax.lax.top_k(masked, beam_size)
  beams = StaticBeams(codes, scores, codes[..., None])
  # The second code: a row of the dense tables, the best of each beam.
  masked = jnp.where(index.dense_mask[codes], log_probs[1], -jnp.inf)
  gains, codes = jax.lax.top_k(masked, beam_size)
  nodes = index.dense_nodes[beams.nodes[..., None], codes]
  beams = _best(beams, gains, codes, nodes)
  for level_log_probs, branch in zip(log_probs[2:], index.branches):
    beams = _best(
      beams, *_children(index, beams.nodes, level_log_probs, branch)
    )
  return beams


def _children(
  index: StaticIndex, nodes: jax.Array, log_probs: jax.Array, branch: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Log-probabilities, codes and nodes `[B, M, branch]` below `nodes`."""
  first = index.offsets[nodes]
  count = index.offsets[nodes + 1] - first
  steps = jnp.arange(branch)
  found = jnp.take(
    index.children,
    first[..., None] + steps,
    axis=0,
    mode="fill",
    fill_value=0,
  )
  codes, nodes = found[..., 0], found[..., 1]
  gains = jnp.take_along_axis(log_probs, codes, axis=-1)
  return jnp.where(steps < count[..., None], gains, -jnp.inf), codes, nodes


def _best(
  beams: StaticBeams, gains: jax.Array, codes: jax.Array, nodes: jax.Array
) -> StaticBeams:
  """The best `M` of the candidates `[B, M, K]`."""
  batch, width, places = gains.shape
  flat = (beams.scores[..., None] + gains).reshape(batch, -1)
  scores, index = jax.lax.top_k(flat, width)
  codes, nodes = (
    jnp.take_along_axis(x.reshape(batch, -1), index, axis=1)
    for x in (codes, nodes)
  )
  chosen = jax.nn.one_hot(index // places, width, dtype=jnp.int32)
  prefix = jnp.einsum("bmo,bol->bml", chosen, beams.codes)
  codes = jnp.concatenate((prefix, codes[..., None]), axis=-1)
  return StaticBeams(nodes, scores, codes)
