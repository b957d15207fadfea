"""The popularity of every prefix of a semantic ID, as a tree of shares.

For a prefix `p` and a code `c` that goes on with it,

  share(c | p) = mass(p c) / mass(p),    mass = sum over items of count + alpha.

The pseudo-count `alpha` gives what was never chosen a little. Prefixes of depth
`d` are nodes, numbered in the order of the sorted IDs, so the children of a
node are one range. One node more at every depth, without children, is where
codes lead that the catalogue does not have.

A training row is part of what was counted. `CatalogueCounts.without` takes what
it adds to the masses out of every share that the row reads.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.generators.priors.left_out import LeftOut
from gr_jax.tokenizers.semantic_ids import SemanticIds

_LEAST_MASS = 1e-6


@flax.struct.dataclass
class CatalogueCounts:
  """Shares of the children of every prefix.

  Attributes:
    offsets: per level, `[nodes + 2]` int32: where a node's children begin; the
      last node is that of prefixes that the catalogue does not have.
    codes: per level, `[children]` int32, ascending below a node; -1 says that
      the ID ends.
    shares: per level, `[children]`.
    masses: per level, `[children]`.
    paths: per level, `[I]` int32, the child that each row of the table of IDs
      goes through.
    lost: per level, `[B, children]`, the mass that each row of a batch leaves
      out; None where nothing is left out.
    columns: per level, codes and, where IDs end early, the end.
    branches: per level, no fewer than the most children that a node has.
  """

  offsets: tuple[jax.Array, ...]
  codes: tuple[jax.Array, ...]
  shares: tuple[jax.Array, ...]
  masses: tuple[jax.Array, ...]
  paths: tuple[jax.Array, ...]
  columns: tuple[int, ...] = flax.struct.field(pytree_node=False)
  branches: tuple[int, ...] = flax.struct.field(pytree_node=False)
  lost: tuple[jax.Array, ...] | None = None

  def without(self, left_out: LeftOut) -> "CatalogueCounts":
    """The counts that each of `B` rows reads without its own events.

    All calls are then of `B M` nodes, those of one row side by side.
    """
    events = jnp.asarray(left_out.events)
    rows = jnp.arange(len(events))[:, None]
    lost = []
    for path, masses in zip(self.paths, self.masses):
      nodes = jnp.where(events >= 0, path[events], len(masses))
      nothing = jnp.zeros((len(events), len(masses)))
      lost.append(nothing.at[rows, nodes].add(1, mode="drop"))
    return dataclasses.replace(self, lost=tuple(lost))

  def rows(self, level: int, nodes: jax.Array) -> jax.Array:
    """`share(c | p)` of every code, `[N, C]`, for `nodes` `[N]`."""
    first, last = self._range(level, nodes)
    children = first[:, None] + jnp.arange(self.branches[level])
    codes = self.codes[level].at[children].get(mode="clip")
    if self.lost is None:
      shares = self.shares[level].at[children].get(mode="clip")
    else:
      masses = jnp.where(
        children < last[:, None], self._mass(level, children), 0
      )
      shares = masses / jnp.maximum(masses.sum(1, keepdims=True), _LEAST_MASS)
    end = self.columns[level] - 1
    columns = jnp.where(codes < 0, end, codes)
    columns = jnp.where(children < last[:, None], columns, end + 1)
    nothing = jnp.zeros((len(nodes), end + 1))
    # Each node apart, so that devices which share the nodes set their own.
    return jax.vmap(lambda row, at, share: row.at[at].set(share, mode="drop"))(
      nothing, columns, shares
    )

  def step(self, level: int, nodes: jax.Array, codes: jax.Array) -> jax.Array:
    """The nodes `[N]` that `codes` `[N]` of `level` lead to; -1 is an end."""
    first, last = self._range(level, nodes)
    low, high = first, last
    for _ in range(self.branches[level].bit_length()):
      middle = (low + high) // 2
      less = self.codes[level].at[middle].get(mode="clip") < codes
      low = jnp.where(less & (low < high), middle + 1, low)
      high = jnp.where(less, high, middle)
    found = self.codes[level].at[low].get(mode="clip") == codes
    nowhere = self.codes[level].shape[0]
    return jnp.where(found & (low < last), low, nowhere)

  def share(
    self, level: int, nodes: jax.Array, children: jax.Array
  ) -> jax.Array:
    """`[N]`, the share of `children` below `nodes`, 0 where there are none."""
    if self.lost is None:
      return self.shares[level].at[children].get(mode="fill", fill_value=0)
    mass = self._mass(level, children[:, None])[:, 0]
    if level:
      whole = self._mass(level - 1, nodes[:, None])[:, 0]
    else:
      left = self.masses[0].sum() - self.lost[0].sum(axis=1)
      whole = jnp.repeat(left, len(nodes) // len(left))
    return mass / jnp.maximum(whole, _LEAST_MASS)

  def _mass(self, level: int, children: jax.Array) -> jax.Array:
    """`[N, K]` masses of `children` without what their rows leave out."""
    assert self.lost is not None
    lost = self.lost[level]
    row = jnp.arange(len(children)) // (len(children) // len(lost))
    mass = self.masses[level].at[children].get(mode="fill", fill_value=0)
    lost = lost.at[row[:, None], children].get(mode="fill", fill_value=0)
    return jnp.maximum(mass - lost, 0)

  def _range(self, level, nodes):
    offsets = self.offsets[level]
    return (
      offsets.at[nodes].get(mode="clip"),
      offsets.at[nodes + 1].get(mode="clip"),
    )


def count_catalogue(
  semantic_ids: SemanticIds,
  counts: np.ndarray,
  *,
  alpha: float,
  capacity: int | None = None,
) -> CatalogueCounts:
  """The shares in `counts` `[N]`, one per catalogue row.

  Args:
    semantic_ids: the IDs of the catalogue.
    counts: `[N]`, the number of times that each item was chosen.
    alpha: the pseudo-count of an item, above 0.
    capacity: pads the arrays for any catalogue of up to `capacity` IDs, so
      that new IDs compile nothing; by default for any IDs of these items, and
      what is compiled depends on the widest prefix.

  Raises:
    ValueError: alpha not above 0; a prefix could then have no mass.
  """
  if alpha <= 0:
    raise ValueError(f"alpha must be above 0; got {alpha}.")
  mass = np.bincount(
    semantic_ids.id_of_item, counts + alpha, minlength=semantic_ids.num_ids
  )
  ids = semantic_ids.ids
  ends = bool((ids < 0).any())
  columns = tuple(
    size + (ends and level > 0)
    for level, size in enumerate(semantic_ids.level_sizes)
  )
  offsets, codes, shares, masses, paths, branches = [], [], [], [], [], []
  starts = np.zeros(1, np.int64)  # The first ID of every node.
  parent_mass = mass.sum(keepdims=True)
  new = np.zeros(len(ids), bool)
  new[0] = True
  room = capacity or len(semantic_ids)
  nodes = 1  # Room for nodes at this depth.
  for level in range(len(columns)):
    column = ids[:, level]
    new[1:] |= column[1:] != column[:-1]
    children = np.flatnonzero(new)
    first = np.append(np.searchsorted(children, starts), len(children))
    parent = np.repeat(np.arange(len(starts)), np.diff(first))
    child_mass = np.add.reduceat(mass, children)
    share = child_mass / parent_mass[parent]
    offsets.append(_padded(first, nodes + 2, len(children)).astype(np.int32))
    widest = 1 << int(np.bincount(parent).max() - 1).bit_length()
    full = columns[level]
    branches.append(min(widest, full) if capacity is None else full)
    nodes = min(room, nodes * full)
    codes.append(_padded(column[children], nodes, 0).astype(np.int32))
    shares.append(_padded(share, nodes, 0).astype(np.float32))
    masses.append(_padded(child_mass, nodes, 0).astype(np.float32))
    path = np.cumsum(new) - 1
    paths.append(_padded(path, room, nodes).astype(np.int32))
    starts, parent_mass = children, child_mass
  return jax.device_put(
    CatalogueCounts(
      tuple(offsets),
      tuple(codes),
      tuple(shares),
      tuple(masses),
      tuple(paths),
      columns,
      tuple(branches),
    )
  )


def _padded(values: np.ndarray, length: int, filler: int) -> np.ndarray:
  missing = length - len(values)
  return np.pad(values, (0, missing), constant_values=filler)
