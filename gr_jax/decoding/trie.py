"""The prefix tree of a catalogue's semantic IDs, as arrays.

Nodes of depth `d` are the distinct prefixes of `d` codes, numbered in the order
of the sorted IDs. The children of consecutive nodes are then consecutive nodes
of the next depth, so one array of child offsets and one of child codes per
level are the whole tree (compressed sparse rows). An ID that ends early goes on
with END (code `C_l` of level `l`, sorted first) down to the last level: every
ID is a leaf of depth `L`, and the number of a leaf is its row in the table of
sorted IDs. The rows below any node are contiguous for the same reason.

The arrays are data of the jitted search, never constants of it: a new
catalogue with the same shapes compiles nothing. STATIC (arXiv 2602.22647)
keeps the same tree with explicit node numbers and dense first levels.
"""

from collections.abc import Sequence

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np


@flax.struct.dataclass
class Trie:
  """Children of every prefix; build it with `build_trie`.

  Attributes:
    offsets: per level `l`, `[nodes_l + 1]` int32: the children of node `n` are
      nodes `offsets[l][n]` to `offsets[l][n + 1]` (excluded) of depth `l + 1`.
    codes: per level `l`, `[nodes_{l+1}]`: the code that leads to each node, in
      the smallest unsigned type that holds the level (a byte for 256 codes).
    level_sizes: `C_l`, codes per level, END not counted.
    branches: per level, how many children the search looks at: a power of two
      that no node of that level exceeds.
    has_ends: whether some ID has fewer than `L` codes.
  """

  offsets: tuple[jax.Array, ...]
  codes: tuple[jax.Array, ...]
  level_sizes: tuple[int, ...] = flax.struct.field(pytree_node=False)
  branches: tuple[int, ...] = flax.struct.field(pytree_node=False)
  has_ends: bool = flax.struct.field(pytree_node=False)

  @property
  def num_levels(self) -> int:
    return len(self.level_sizes)

  @property
  def capacity(self) -> int:
    """Rows of sorted IDs that the arrays hold, padding included."""
    return self.codes[-1].shape[0]

  @property
  def num_ids(self) -> int:
    """IDs in the tree; reads a device array, so not inside `jit`."""
    return int(self.offsets[-1][-1])

  @property
  def bytes_per_id(self) -> float:
    return sum(x.nbytes for x in self.offsets + self.codes) / self.num_ids

  def children(
    self, level: int, nodes: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    """First child and end of the children of `nodes` of depth `level`."""
    offsets = self.offsets[level]
    return (
      offsets.at[nodes].get(mode="clip"),
      offsets.at[nodes + 1].get(mode="clip"),
    )

  def child_codes(self, level: int, children: jax.Array) -> jax.Array:
    """Codes, int32, that lead to `children` of depth `level + 1`."""
    codes = self.codes[level].at[children].get(mode="clip")
    return codes.astype(jnp.int32)

  def first_rows(self, depth: int, nodes: jax.Array) -> jax.Array:
    """First sorted ID row below each node of depth `depth`.

    Valid for the number of nodes as well, which gives the number of IDs: the
    rows below node `n` end where those of `n + 1` begin.
    """
    for offsets in self.offsets[depth:]:
      nodes = offsets.at[nodes].get(mode="clip")
    return nodes


def find_rows(trie: Trie, codes: jax.Array) -> jax.Array:
  """Row of each code sequence among the sorted IDs, -1 where it names none.

  Args:
    trie: the catalogue.
    codes: `[..., L]` int32, -1 after an early end.

  Returns:
    `[...]` int32.
  """
  nodes = jnp.zeros(codes.shape[:-1], jnp.int32)
  found = jnp.ones(codes.shape[:-1], bool)
  for level, (size, branch) in enumerate(
    zip(trie.level_sizes, trie.branches, strict=True)
  ):
    wanted = jnp.where(codes[..., level] < 0, size, codes[..., level])
    first, last = trie.children(level, nodes)
    slots = jnp.arange(branch)
    children = first[..., None] + slots
    hit = (trie.child_codes(level, children) == wanted[..., None]) & (
      children < last[..., None]
    )
    slot = jnp.min(jnp.where(hit, slots, branch), axis=-1)
    found &= slot < branch
    # Without the barrier XLA's CPU backend fuses the levels into one loop that
    # searches all levels above anew for every child below.
    nodes = jax.lax.optimization_barrier(jnp.where(found, first + slot, 0))
  return jnp.where(found, nodes, -1)


def build_trie(
  ids: np.ndarray,
  level_sizes: Sequence[int],
  *,
  capacity: int | None = None,
  branches: Sequence[int] | None = None,
  has_ends: bool | None = None,
) -> Trie:
  """The trie of a table of IDs, on the device; see `trie_arrays`."""
  return jax.device_put(
    trie_arrays(
      ids,
      level_sizes,
      capacity=capacity,
      branches=branches,
      has_ends=has_ends,
    )
  )


def trie_arrays(
  ids: np.ndarray,
  level_sizes: Sequence[int],
  *,
  capacity: int | None = None,
  branches: Sequence[int] | None = None,
  has_ends: bool | None = None,
) -> Trie:
  """The trie of a table of IDs, in numpy, without a loop over the IDs.

  Args:
    ids: `[R, L]` int32, distinct rows in lexicographic order, -1 after an early
      end (as `SemanticIds.ids`).
    level_sizes: `C_l` per level.
    capacity: pads the arrays for any catalogue of up to `capacity` IDs, so that
      changing the catalogue keeps every shape. Without it nothing is padded.
    branches: widths that are kept at least, normally `branches` of the trie
      that this one replaces: the compiled search then stays valid unless a
      node outgrew them. `level_sizes`, plus one where IDs end early, is never
      outgrown.
    has_ends: whether IDs may end early; without it, whether some do.

  Raises:
    ValueError: for rows unsorted, repeated or malformed, codes out of range,
      early ends where there are to be none, or more rows than `capacity`.
  """
  columns = np.ascontiguousarray(np.asarray(ids).T)
  sizes = tuple(int(size) for size in level_sizes)
  _check_codes(columns, sizes, capacity)
  some_end = bool((columns[-1] < 0).any())
  has_ends = some_end if has_ends is None else has_ends
  if some_end and not has_ends:
    raise ValueError("some IDs end early (-1): has_ends must be True.")
  wanted = (1,) * len(sizes) if branches is None else branches
  offsets, codes, widths = [], [], []
  new = np.zeros(columns.shape[1], bool)  # Rows where a new prefix begins.
  new[0] = True
  starts = np.zeros(1, np.int64)
  room = 1  # Most prefixes that the depth can have.
  for level, (column, size) in enumerate(zip(columns, sizes, strict=True)):
    _check_sorted(column, new, level)
    new[1:] |= column[1:] != column[:-1]
    rank = np.cumsum(new, dtype=np.int32)
    offset = np.append(rank[starts] - 1, rank[-1])
    starts = np.flatnonzero(new)
    code = column[starts]
    code = np.where(code < 0, size, code)
    columns_of_level = size + (has_ends and level > 0)
    need = max(int(np.diff(offset).max()), wanted[level])
    widths.append(min(1 << (need - 1).bit_length(), columns_of_level))
    if capacity is not None:
      offset = np.pad(offset, (0, room + 1 - len(offset)), mode="edge")
      last = level == len(sizes) - 1
      room = capacity if last else min(room * columns_of_level, capacity)
      code = np.pad(code, (0, room - len(code)))
    offsets.append(offset.astype(np.int32))
    codes.append(code.astype(np.min_scalar_type(columns_of_level - 1)))
  if not new.all():
    row = int(np.flatnonzero(~new)[0])
    raise ValueError(
      f"ID rows {row - 1} and {row} are the same, {columns[:, row].tolist()}: "
      "pass distinct rows (SemanticIds.ids)."
    )
  return Trie(tuple(offsets), tuple(codes), sizes, tuple(widths), has_ends)


def _check_codes(
  columns: np.ndarray, sizes: tuple[int, ...], capacity: int | None
) -> None:
  if columns.ndim != 2 or len(columns) != len(sizes) or not columns.size:
    raise ValueError(
      f"ids must be [R, {len(sizes)}] with at least one row for "
      f"{len(sizes)} levels; got shape {columns.T.shape}."
    )
  if capacity is not None and columns.shape[1] > capacity:
    raise ValueError(
      f"{columns.shape[1]} IDs do not fit a capacity of {capacity}: raise it."
    )
  for level, (column, size) in enumerate(zip(columns, sizes, strict=True)):
    low, high = int(column.min()), int(column.max())
    if low < (-1 if level else 0) or high >= size:
      raise ValueError(
        f"codes of level {level} must be 0..{size - 1}"
        f"{', or -1 after an early end' if level else ''}; "
        f"got {low}..{high}."
      )
    goes_on = level > 0 and (column >= 0) & (columns[level - 1] < 0)
    if np.any(goes_on):
      row = int(np.flatnonzero(goes_on)[0])
      raise ValueError(
        f"ID row {row}, {columns[:, row].tolist()}, goes on after its end."
      )


def _check_sorted(column: np.ndarray, new: np.ndarray, level: int) -> None:
  wrong = (column[1:] < column[:-1]) & ~new[1:]
  if wrong.any():
    row = int(np.flatnonzero(wrong)[0])
    raise ValueError(
      f"ID rows {row} and {row + 1} are out of order at level {level}: "
      "sort the rows (SemanticIds.ids is sorted)."
    )
