"""Next-basket and derived search requests from purchase lines."""

import numpy as np
import polars as pl

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import EXPOSED, ORDERED, TEST, TRAIN, VALID, Requests
from gr_jax.data.row_lists import offsets_of


def merge_lines(lines: pl.DataFrame, item: np.ndarray) -> pl.DataFrame:
  """Makes lines of one item in one basket one line, and numbers the baskets.

  Args:
    lines: The purchase lines, sorted by household, time, basket and product,
      with columns household_id, store_id, basket_id, sales_value, week and time
      (the same for all lines of a basket).
    item: The catalogue row of each line, rising within a basket.

  Returns:
    columns basket (0, 1, ..), item, household_id, store_id, week, time (unix
    seconds), and value, which was paid for all units of the item.
  """
  lines = lines.with_columns(
    basket=pl.col("basket_id").rle_id().cast(pl.Int64),
    item=pl.Series(item, dtype=pl.Int64),
  )
  return lines.group_by("basket", "item", maintain_order=True).agg(
    pl.col("household_id", "store_id", "week", "time").first().cast(pl.Int64),
    value=pl.col("sales_value").sum().cast(pl.Float32),
  )


def basket_requests(
  lines: pl.DataFrame,
  exposed: pl.DataFrame,
  *,
  queries: list[str],
  query_of_item: np.ndarray,
  profiles: np.ndarray,
  split_ends: tuple[int, int],
) -> Requests:
  """Makes a next-basket request per basket, then one per phrase it bought from.

  Args:
    lines: The purchases, with the columns of `merge_lines`.
    exposed: The rows (basket, item) to append to the pages.
    queries: The phrases, `Q` of them.
    query_of_item: The phrase `[N]` int64 of each item, -1 = on no search page.
    profiles: The facts `[U]` of each household.
    split_ends: The last week of training and that of validation.
  """
  users = lines.group_by("household_id", maintain_order=True).len()
  # A history ends where the household's first line of the same moment begins.
  baskets = lines.with_columns(
    user=pl.col("household_id").rle_id().cast(pl.Int32),
    history_end=pl.int_range(pl.len(), dtype=pl.Int64),
  ).with_columns(pl.col("history_end").min().over("user", "time"))
  baskets = baskets.unique("basket", keep="first", maintain_order=True)
  orders = lines.select(
    "basket", "item", "value", kind=pl.lit(ORDERED, pl.Int8)
  )
  shown = exposed.with_columns(
    value=pl.lit(0, pl.Float32), kind=pl.lit(EXPOSED, pl.Int8)
  )
  entries = pl.concat([orders, shown])
  query = pl.lit(pl.Series(query_of_item, dtype=pl.Int64)).gather("item")
  searches = entries.with_columns(query=query).filter(pl.col("query") >= 0)
  pages = pl.concat(
    [entries.with_columns(query=pl.lit(-1, pl.Int64)), searches]
  ).sort("basket", "query", maintain_order=True)
  requests = pages.group_by("basket", "query", maintain_order=True).len()
  requests = requests.join(baskets, on="basket", maintain_order="left")
  last_train, last_valid = split_ends
  week = requests["week"].to_numpy()
  split = np.select(
    [week <= last_train, week <= last_valid], [TRAIN, VALID], TEST
  )
  return Requests(
    user_ids=object_array(users["household_id"].cast(pl.String).to_list()),
    profiles=profiles,
    user_offsets=offsets_of(users["len"].to_numpy()),
    event_item=lines["item"].to_numpy().astype(np.int32),
    event_time=lines["time"].to_numpy(writable=True),
    user=requests["user"].to_numpy(writable=True),
    time=requests["time"].to_numpy(writable=True),
    history_end=requests["history_end"].to_numpy(writable=True),
    query=requests["query"].to_numpy().astype(np.int32),
    split=split.astype(np.int8),
    page_offsets=offsets_of(requests["len"].to_numpy()),
    page_item=pages["item"].to_numpy().astype(np.int32),
    page_kind=pages["kind"].to_numpy(writable=True),
    page_value=pages["value"].to_numpy(writable=True),
    queries=object_array(queries),
    event_action=np.full(len(lines), ORDERED, np.int8),
  )
