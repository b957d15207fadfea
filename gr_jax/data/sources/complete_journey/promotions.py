"""Exposures: promoted products, of the types it bought, that a household left.

The promotion table says which product was on display or in the mailer in which
store and week (20.9 million rows). [OURS]: a basket was exposed to the
promoted products of its store and week that are of a type it bought from.
"""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl

from gr_jax.data.sources.complete_journey.requests import Baskets


def exposures(
  path: Path,
  baskets: Baskets,
  *,
  product_ids: np.ndarray,
  query_of_item: np.ndarray,
  max_per_basket: int,
) -> tuple[np.ndarray, np.ndarray]:
  """Pairs baskets with items that were promoted to them but not bought.

  A basket with t promoted phrases takes at most ceil(max / t) candidates of
  each, from a place in the list that depends on the basket, so that the same
  few products are not shown to all; then its own items are taken out and the
  rest is cut to `max_per_basket`, one of each phrase in turn. No randomness.

  Args:
    path: The promotions table (product_id, store_id, week).
    baskets: The purchases.
    product_ids: The sorted ids `[N]` int64 of the catalogue.
    query_of_item: The phrase `[N]` int64 of each item, -1 unknown.
    max_per_basket: The most exposures of a basket; 0 reads nothing.

  Returns:
    (basket `[X]`, item `[X]`) int64, sorted by basket.
  """
  basket, query = _phrases_bought(baskets, query_of_item)
  if not max_per_basket or not len(basket):
    return np.zeros(0, np.int64), np.zeros(0, np.int64)
  table, keys = _shelf_table(baskets.store[basket], baskets.week[basket], query)
  shelf, item = _promoted(path, table, product_ids, query_of_item)
  begin = np.searchsorted(shelf, keys)
  size = np.searchsorted(shelf, keys, side="right") - begin
  offered = np.flatnonzero(size)
  phrases = np.bincount(basket[offered])[basket[offered]]
  take = np.minimum(size[offered], -(-max_per_basket // phrases))
  pair, turn = _repeat(offered, take)
  start = basket[pair] * 7919  # A prime, so that neighbours differ.
  chosen = item[begin[pair] + (start + turn) % size[pair]]
  fresh = ~_bought(baskets, basket[pair], chosen, len(product_ids))
  pair, turn, chosen = pair[fresh], turn[fresh], chosen[fresh]
  order = np.lexsort((pair, turn, basket[pair]))
  owner = basket[pair[order]]
  kept = np.arange(len(owner)) - np.searchsorted(owner, owner) < max_per_basket
  return owner[kept], chosen[order[kept]]


def _phrases_bought(
  baskets: Baskets, query_of_item: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns distinct sorted (basket, query) pairs without unknown phrases."""
  queries = int(query_of_item.max(initial=0)) + 1
  query = query_of_item[baskets.item]
  known = query >= 0
  return np.divmod(
    _distinct(baskets.basket_of_line[known] * queries + query[known]), queries
  )


@dataclasses.dataclass(frozen=True)
class _ShelfTable:
  """The wanted (store, week, phrase) triples, by their key."""

  stores: np.ndarray
  weeks: int
  queries: int
  wanted: np.ndarray


def _shelf_table(
  store: np.ndarray, week: np.ndarray, query: np.ndarray
) -> tuple[_ShelfTable, np.ndarray]:
  """Makes the table, and the key of each triple."""
  stores, row = np.unique(store, return_inverse=True)
  weeks, queries = int(week.max()) + 1, int(query.max()) + 1
  keys = (row * weeks + week) * queries + query
  wanted = np.zeros(len(stores) * weeks * queries, bool)
  wanted[keys] = True
  return _ShelfTable(stores, weeks, queries, wanted), keys


def _promoted(
  path: Path,
  table: _ShelfTable,
  product_ids: np.ndarray,
  query_of_item: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the distinct sorted (shelf key, item) of wanted promotions."""
  row_of_product = _lookup(product_ids)
  row_of_store = _lookup(table.stores)
  scan = pl.scan_parquet(path).select(
    pl.col("product_id").cast(pl.Int32),
    pl.col("store_id").cast(pl.Int32),
    pl.col("week").cast(pl.Int16),
  )
  parts = []
  for part in scan.collect(engine="streaming").iter_slices(1 << 20):
    item = row_of_product[
      np.minimum(part["product_id"].to_numpy(), len(row_of_product) - 1)
    ]
    store = row_of_store[
      np.minimum(part["store_id"].to_numpy(), len(row_of_store) - 1)
    ]
    week = part["week"].to_numpy().astype(np.int64)
    known = np.flatnonzero((item >= 0) & (store >= 0) & (week < table.weeks))
    item, store, week = item[known], store[known], week[known]
    query = query_of_item[item]
    key = (store * table.weeks + week) * table.queries + query
    wanted = (query >= 0) & (query < table.queries)
    wanted[wanted] = table.wanted[key[wanted]]
    parts.append(key[wanted] * len(product_ids) + item[wanted])
  packed = _distinct(np.concatenate([np.zeros(0, np.int64), *parts]))
  return packed // len(product_ids), packed % len(product_ids)


def _distinct(values: np.ndarray) -> np.ndarray:
  """Returns sorted distinct values, in a tenth of the time of np.unique."""
  values = np.sort(values)
  return values[np.diff(values, prepend=-1) > 0]


def _lookup(sorted_ids: np.ndarray) -> np.ndarray:
  """Returns an array of rows by id; the last entry, past every id, is -1."""
  table = np.full(int(sorted_ids.max(initial=0)) + 2, -1, np.int32)
  table[sorted_ids] = np.arange(len(sorted_ids), dtype=np.int32)
  return table


def _repeat(
  values: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Repeats each value `times` times, and numbers its copies 0, 1, .."""
  repeated = np.repeat(values, times)
  turn = np.arange(len(repeated)) - np.repeat(np.cumsum(times) - times, times)
  return repeated, turn


def _bought(
  baskets: Baskets, basket: np.ndarray, item: np.ndarray, num_items: int
) -> np.ndarray:
  """Returns `[n]` bool, True where basket[i] contains item[i]."""
  # Lines are sorted by basket, then item, so these keys are too.
  keys = baskets.basket_of_line * num_items + baskets.item
  wanted = basket * num_items + item
  place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
  return keys[place] == wanted
