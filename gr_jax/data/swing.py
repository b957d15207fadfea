"""Swing: items are alike where users who share little else share both.

With `I_u` the distinct items of user u and `U_i` the users of item i,

  s_ij = sum over u < v in U_i and U_j of w_u w_v / (alpha + |I_u and I_v|)
  w_u = |I_u|^-damping

(Yang et al., arXiv 2010.05525, whose weights are those of damping 1/2). One
common user gives 0: it takes two who agree, and the more else they agree on,
the less each agreement says, so that pairs of users who buy everything give
next to nothing. The popularity of an item is not divided out, as in a cosine.
GR4AD (arXiv 2602.22732) contrasts items with their most similar ones.
"""

import itertools

import numpy as np
from scipy import sparse

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists

_CHUNK = 4_000_000  # (user pair, item) triples that are sorted together.
_BLOCK = 2_000  # Items whose rows of `s` are dense in indices at a time.
_GRID = 2.0**40


def similarities(
  lists: RowLists,
  *,
  num_items: int,
  alpha: float = 1.0,
  damping: float = 0.5,
  max_items: int = 500,
  max_users: int = 100,
  neighbours: int | None = None,
  seed: int = 0,
) -> sparse.csr_array:
  """Returns the Swing similarities `s [N, N]` of items, sparse.

  Time and memory grow with the triples (u, v, i) of two users and an item of
  both: at most `N max_users^2 / 2`. Weights are multiples of 2^-40, which add
  up exactly: the order of users and items cannot be seen.

  Args:
    lists: The items of each user; order and repeats do not matter.
    num_items: The number of items, `N`.
    alpha: The constant beside the number of common items.
    damping: The exponent of a user's weight; 0 gives all users weight 1.
    max_items: The most items of a user. A user with more keeps a random sample,
      and the weight of all of them; implementations that drop such users lose
      every household of a grocer `[OURS]`.
    max_users: The most users of an item, a random sample where it has more. An
      agreement is counted over items that are kept for both.
    neighbours: The number of most similar items to keep in a row, equal ones by
      lowest row; all if None, and only then `s` is symmetric.
    seed: The seed of the samples.

  Returns:
    `[N, N]` float32 with an empty diagonal and sorted columns.

  Raises:
    ValueError: A negative `alpha` or `damping`, or bounds that leave no pair.
  """
  if alpha < 0 or damping < 0:
    raise ValueError(f"alpha={alpha} and damping={damping} must be 0 or more.")
  fewest = 1 if neighbours is None else neighbours
  if min(max_items, max_users) < 2 or fewest < 1:
    raise ValueError(
      f"max_items={max_items} and max_users={max_users} must be 2 or more, "
      f"neighbours={neighbours} at least 1: there are no pairs otherwise."
    )
  lists = row_lists.distinct(lists)
  weights = np.maximum(lists.sizes, 1.0) ** -damping
  kept = bounded(
    lists,
    num_items=num_items,
    max_items=max_items,
    max_users=max_users,
    seed=seed,
  )
  pairs, agreement = _user_pairs(kept, weights, num_items, alpha)
  return _products(pairs, agreement, num_items, neighbours)


def bounded(
  lists: RowLists,
  *,
  num_items: int,
  max_items: int,
  max_users: int,
  seed: int = 0,
) -> RowLists:
  """Keeps random entries: `max_items` a list, and `max_users` an item.

  Args:
    lists: Distinct items of each user.
    num_items: The number of items, `N`.
    max_items: The most entries of a list.
    max_users: The most lists of an item, among entries kept by `max_items`.
    seed: The seed of the choice; lists within both bounds stay whole.
  """
  rng = np.random.default_rng(seed)
  place = _random_places(rng, lists.owners, len(lists))
  lists = row_lists.where(lists, place < max_items)
  place = _random_places(rng, lists.rows, num_items)
  return row_lists.where(lists, place < max_users)


def _random_places(
  rng: np.random.Generator, groups: np.ndarray, count: int
) -> np.ndarray:
  """The place `[P]` of each entry in a random order of its group."""
  order = np.lexsort((rng.random(len(groups)), groups))
  starts = row_lists.offsets_of(np.bincount(groups, minlength=count))
  places = np.empty(len(groups), np.int64)
  places[order] = np.arange(len(groups)) - starts[groups[order]]
  return places


def _user_pairs(
  lists: RowLists, weights: np.ndarray, num_items: int, alpha: float
) -> tuple[sparse.csr_array, np.ndarray]:
  """Pairs u < v with two items or more in common.

  Returns:
    `[P, N]`, 1 for the items of both, and `w_u w_v / (alpha + count)` `[P]`.
  """
  users, items = lists.owners, lists.rows
  by_item = np.argsort(items, kind="stable")
  place = np.empty(len(items), np.int64)
  place[by_item] = np.arange(len(items))
  ends = np.cumsum(np.bincount(items, minlength=num_items))[items]
  # Users come in order, so those behind a user in its item's list are larger.
  later = np.append(0, np.cumsum(ends - place - 1))[lists.offsets]
  sizes, columns, agreement = [], [], []
  for first, last in _chunks(later):
    part = slice(lists.offsets[first], lists.offsets[last])
    spans = row_lists.span_places(place[part] + 1, ends[part])
    u, v = users[part][spans.owners], users[by_item[spans.rows]]
    keys = u * len(lists) + v
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    counts = np.diff(np.append(starts, len(keys)))
    several = counts > 1
    columns.append(items[part][spans.owners][order][np.repeat(several, counts)])
    u, v = np.divmod(keys[starts[several]], len(lists))
    sizes.append(counts[several])
    agreement.append(weights[u] * weights[v] / (alpha + counts[several]))
  columns = np.concatenate([np.zeros(0, np.int32), *columns])
  offsets = row_lists.offsets_of(np.concatenate([np.zeros(0, int), *sizes]))
  pairs = sparse.csr_array(
    (np.ones(len(columns)), columns.astype(np.int32), offsets),
    shape=(len(offsets) - 1, num_items),
  )
  agreement = np.concatenate([np.zeros(0), *agreement])
  return pairs, np.round(agreement * _GRID) / _GRID


def _chunks(totals: np.ndarray) -> list[tuple[int, int]]:
  """Spans of users with about `_CHUNK` triples each, none without any.

  Args:
    totals: `[U + 1]`, the triples of all users before each.
  """
  wanted = np.arange(_CHUNK, totals[-1], _CHUNK)
  inner = np.searchsorted(totals, wanted)
  cuts = np.unique([0, *inner, len(totals) - 1]).tolist()
  return [
    (first, last)
    for first, last in itertools.pairwise(cuts)
    if totals[last] > totals[first]
  ]


def _products(
  pairs: sparse.csr_array,
  agreement: np.ndarray,
  num_items: int,
  neighbours: int | None,
) -> sparse.csr_array:
  """`pairs^T diag(agreement) pairs`, a block of rows at a time."""
  weighted = pairs.copy()
  weighted.data = np.repeat(agreement, np.diff(pairs.indptr))
  by_item = sparse.csr_array(pairs.T)
  blocks = [sparse.csr_array((0, num_items), dtype=np.float32)]
  for first in range(0, num_items, _BLOCK):
    found = sparse.csr_array(by_item[first : first + _BLOCK] @ weighted)
    sizes = np.diff(found.indptr)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    found.data[rows + first == found.indices] = 0  # An item is itself.
    found.eliminate_zeros()
    found.sort_indices()
    found.data = found.data.astype(np.float32)
    blocks.append(found if neighbours is None else _largest(found, neighbours))
  return sparse.csr_array(sparse.vstack(blocks))


def _largest(matrix: sparse.csr_array, count: int) -> sparse.csr_array:
  """Keeps the `count` largest values of each row, the first of equal ones."""
  values = matrix.data.astype(np.float32)
  keep_mask = np.ones(len(values), bool)
  for row in np.flatnonzero(np.diff(matrix.indptr) > count):
    mine = slice(matrix.indptr[row], matrix.indptr[row + 1])
    order = np.argsort(-values[mine], kind="stable")
    keep_mask[mine.start + order[count:]] = False
  lists = RowLists(matrix.indptr.astype(np.int64), matrix.indices)
  kept = row_lists.where(lists, keep_mask)
  return sparse.csr_array(
    (values[keep_mask], kept.rows, kept.offsets), shape=matrix.shape
  )
