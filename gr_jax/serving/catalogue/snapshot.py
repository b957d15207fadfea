"""One version of the catalogue, complete and immutable.

A change makes the next version and swaps one reference; requests under way
keep the version that they were read with. All versions have arrays of the same
shapes, so that none compiles anything.

Filters are exact at two places. Inside the search an ID is live while at least
one of its items passes: a mask over the rows of IDs, so that no filtered ID
takes a place in the beam. At the expansion to items, those that do not pass are
dropped: items that share an ID may differ in price, stock and category, and
only the whole of them has the ID. Removed items leave the trie itself with
their ID's last item. Paused ones stay there, behind the mask of every request:
to pause an item, to resume it or to price it anew writes one column.
"""

import dataclasses
import functools
from typing import Any

import numpy as np

from gr_jax.candidates.live import LiveCandidates
from gr_jax.decoding.filters import RowMask, pack_rows
from gr_jax.decoding.live_trie import LiveTrie, make_live_trie
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.retrieval.load import count_variables
from gr_jax.serving.catalogue import attributes
from gr_jax.serving.catalogue.items import Items
from gr_jax.serving.requests import Filters, Invalid, shown


@dataclasses.dataclass(frozen=True, eq=False)
class Snapshot:
  """The catalogue that a batch of requests is answered from.

  Attributes:
    version: the number of changes so far, from 1; those of the log count.
    items: the rows.
    live: the trie of the IDs that some item present carries.
    table_rows: `[R]`, per row of the trie, its row of `items.semantic_ids.ids`.
    ranked_items: `[N]` rows grouped by ID, popular first, then by row.
    counts: the model's variables that count the catalogue, if it has any.
    count_alpha: their pseudo-count, 0 for a model without.
    transitions: those of a model that reads them; new items have none.
    candidates: those of a model that reads candidates; they know all items.
  """

  version: int
  items: Items
  live: LiveTrie
  table_rows: np.ndarray
  ranked_items: np.ndarray
  counts: dict[str, Any]
  count_alpha: float
  transitions: Transitions | None = None
  candidates: LiveCandidates | None = None

  def passing(self, filters: Filters) -> np.ndarray:
    """`[N]` bool: the items that an answer may hold.

    Raises:
      Invalid: a category, or a name of an attribute, that the catalogue does
        not know.
    """
    items = self.items
    mask = items.shown.copy()
    if filters.in_stock:
      mask &= items.in_stock
    low, high = filters.price.min, filters.price.max
    # Unknown prices are NaN, and in no band.
    if low is not None:
      mask &= items.prices >= np.float32(low)
    if high is not None:
      mask &= items.prices <= np.float32(high)
    if filters.categories:
      mask &= self._in_categories(filters.categories)
    if filters.attributes:
      wanted = filters.attributes
      mask &= attributes.passing(items.attributes, wanted, rows=len(items))
    seen = items.rows(filters.exclude)
    mask[seen[seen >= 0]] = False
    return mask

  def _in_categories(self, paths: tuple[str, ...]) -> np.ndarray:
    items = self.items
    wanted: dict[int, list[int]] = {}
    for path in paths:
      if path not in items.category_row:
        raise Invalid(
          f"filters.categories names {shown(path)}, which the catalogue does "
          "not know; give full paths."
        )
      depth, row = items.category_row[path]
      wanted.setdefault(depth, []).append(row)
    mask = np.zeros(len(items), bool)
    for depth, rows in wanted.items():
      mask |= np.isin(items.categories[:, depth], rows)
    return mask

  def allowed(self, passing: np.ndarray) -> RowMask:
    """The rows of the trie whose IDs have an item that passes."""
    mask = np.zeros(self.live.capacity, bool)
    mask[: len(self.table_rows)] = live_ids(self.items, passing)[
      self.table_rows
    ]
    return pack_rows(mask)

  @functools.cached_property
  def everything(self) -> RowMask:
    """The mask of requests without filters: all IDs but of paused items."""
    return self.allowed(self.items.shown)

  def expand(
    self, trie_rows: np.ndarray, passing: np.ndarray, *, k: int
  ) -> tuple[list[int], list[int]]:
    """Items behind ranked IDs, and the place of each one's ID in the ranking.

    Args:
      trie_rows: `[M]`, best first, -1 = none.
      passing: `[N]` from `passing`.
      k: the number of items wanted.
    """
    offsets = self.items.semantic_ids.item_offsets
    rows, places = [], []
    for place, trie_row in enumerate(trie_rows.tolist()):
      if trie_row < 0 or len(rows) >= k:
        break
      row = self.table_rows[trie_row]
      for item in self.ranked_items[offsets[row] : offsets[row + 1]].tolist():
        if passing[item]:
          rows.append(item)
          places.append(place)
    return rows[:k], places[:k]

  def changed(
    self, items: Items, candidates: LiveCandidates | None = None
  ) -> "Snapshot":
    """The next version.

    Args:
      items: the rows now.
      candidates: those that know the new items; None where there are none, or
        the model reads no candidates.

    Raises:
      ValueError: more IDs than the trie has room for.
    """
    same_ids = items.semantic_ids is self.items.semantic_ids
    if same_ids and items.present is self.items.present:
      # Only facts of items that stay.
      return dataclasses.replace(
        self,
        version=self.version + 1,
        items=items,
        candidates=candidates or self.candidates,
      )
    codes = items.semantic_ids.ids
    there = live_ids(items, items.present)
    before = np.zeros(len(codes), bool)
    before[self._rows_in(items)] = True
    live, of_table = self.live, {}
    if not same_ids:
      of_table = _of_table(
        items, live.capacity, self.count_alpha, self.transitions
      )
    if (gone := before & ~there).any():
      live = live.remove(codes[gone])
    if (new := there & ~before).any():
      live = live.add(codes[new])
    return dataclasses.replace(
      self,
      version=self.version + 1,
      items=items,
      live=live,
      table_rows=np.flatnonzero(there),
      candidates=candidates or self.candidates,
      **of_table,
    )

  def _rows_in(self, items: Items) -> np.ndarray:
    """`[R]`, the trie's rows in a table of IDs that has grown."""
    old = self.items.semantic_ids
    carriers = old.items[old.item_offsets[:-1]]  # One item of each ID.
    return items.semantic_ids.id_of_item[carriers[self.table_rows]]


def live_ids(items: Items, mask: np.ndarray) -> np.ndarray:
  """`[M]` bool: IDs of the table with at least one item of `[N]` `mask`."""
  ids = items.semantic_ids
  live = np.zeros(ids.num_ids, bool)
  live[ids.id_of_item[mask]] = True
  return live


def _of_table(
  items: Items, capacity: int, alpha: float, transitions: Transitions | None
) -> dict[str, Any]:
  """The fields of a snapshot that follow from the table of IDs alone.

  Raises:
    ValueError: more IDs than the capacity; removed ones count, they may come
      back.
  """
  ids = items.semantic_ids
  if ids.num_ids > capacity:
    raise ValueError(
      f"{ids.num_ids} semantic IDs do not fit the room for {capacity}: start "
      "the server with a larger --room."
    )
  # Rows by ID as `SemanticIds.items` has them, sorted where IDs are shared.
  ranked = ids.items.copy()
  sizes = np.diff(ids.item_offsets)
  shared = np.repeat(sizes > 1, sizes)
  rows = ranked[shared]
  order = np.lexsort((rows, -items.popularity[rows], ids.id_of_item[rows]))
  ranked[shared] = rows[order]
  counts = count_variables(
    ids, items.popularity, alpha, transitions, capacity=capacity
  )
  return {"ranked_items": ranked, "counts": counts}


def first_snapshot(
  items: Items,
  *,
  capacity: int,
  version: int = 1,
  count_alpha: float = 0.0,
  transitions: Transitions | None = None,
  candidates: LiveCandidates | None = None,
) -> Snapshot:
  """The version that a server starts with.

  Args:
    items: at least one.
    capacity: IDs that any version can hold; it shapes every program.
    version: the number of this version.
    count_alpha: the pseudo-count of a model that reads counts, else 0.
    transitions: those of a model that reads them.
    candidates: those of a model that reads candidates.

  Raises:
    ValueError: more IDs than the capacity.
  """
  ids = items.semantic_ids
  of_table = _of_table(items, capacity, count_alpha, transitions)
  there = live_ids(items, items.present)
  live = make_live_trie(
    ids.ids[there],
    ids.level_sizes,
    capacity=capacity,
    has_ends=bool((ids.codes < 0).any()),
  )
  return Snapshot(
    version,
    items,
    live,
    np.flatnonzero(there),
    count_alpha=count_alpha,
    transitions=transitions,
    candidates=candidates,
    **of_table,
  )
