"""Exposures: promoted products, of the types it bought, that a household left.

The promotion table says which product was on display or in the mailer in which
store and week (20.9 million rows). [OURS]: a basket was exposed to the
promoted products of its store and week that are of a type it bought from.
"""

from pathlib import Path

import numpy as np
import polars as pl

_SHELF = ["store_id", "week", "query"]


def exposures(
  path: Path,
  lines: pl.DataFrame,
  *,
  product_ids: np.ndarray,
  query_of_item: np.ndarray,
  max_per_basket: int,
) -> pl.DataFrame:
  """Pairs baskets with items that were promoted to them but not bought.

  A basket with t promoted phrases takes at most ceil(max / t) candidates of
  each, from a place in the list that depends on the basket, so that the same
  few products are not shown to all; then its own items are taken out and the
  rest is cut to `max_per_basket`, one of each phrase in turn. No randomness.

  Args:
    path: The promotions table (product_id, store_id, week).
    lines: The purchases, with the columns of `merge_lines`.
    product_ids: The sorted ids `[N]` int64 of the catalogue.
    query_of_item: The phrase `[N]` int64 of each item, -1 unknown.
    max_per_basket: The most exposures of a basket; 0 reads nothing.

  Returns:
    columns basket and item, sorted by basket.
  """
  if not max_per_basket:
    return lines.select("basket", "item").clear()
  numbers = np.arange(len(product_ids))
  items = pl.DataFrame(
    {"product_id": product_ids, "item": numbers, "query": query_of_item}
  ).filter(pl.col("query") >= 0)
  wanted = lines.join(items, on="item").select("basket", *_SHELF).unique()
  promoted = _promoted(path, items, wanted)
  shelves = promoted.with_row_index("begin").group_by(_SHELF)
  offers = wanted.join(
    shelves.agg(pl.col("begin").min(), size=pl.len()), on=_SHELF
  )
  take = (max_per_basket - 1) // pl.len().over("basket") + 1
  turn = pl.int_ranges(pl.min_horizontal("size", take))
  offers = offers.with_columns(turn=turn).explode("turn")
  start = pl.col("basket") * 7919  # A prime, so that neighbours differ.
  place = pl.col("begin") + (start + pl.col("turn")) % pl.col("size")
  return (
    offers.with_columns(item=pl.lit(promoted["item"]).gather(place))
    .join(lines, on=["basket", "item"], how="anti")
    .sort("basket", "turn", "query")
    .group_by("basket", maintain_order=True)
    .head(max_per_basket)
    .select("basket", "item")
  )


def _promoted(
  path: Path, items: pl.DataFrame, wanted: pl.DataFrame
) -> pl.DataFrame:
  """Returns the distinct sorted (store, week, phrase, item) of promotions."""
  return (
    pl.scan_parquet(path)
    .select(pl.col("product_id", "store_id", "week").cast(pl.Int64))
    .join(items.lazy(), on="product_id")
    .join(wanted.lazy(), on=_SHELF, how="semi")
    .select(*_SHELF, "item")
    .unique()
    .sort(*_SHELF, "item")
    .collect(engine="streaming")
  )
