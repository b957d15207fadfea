"""Next-basket and derived search requests from purchase lines."""

import dataclasses

import numpy as np
import polars as pl

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import EXPOSED, ORDERED, TEST, TRAIN, VALID, Requests
from gr_jax.data.row_lists import offsets_of


@dataclasses.dataclass(frozen=True)
class Baskets:
  """E lines of B baskets of U households, sorted by household and time.

  Attributes:
    households: `[U]` int64 ids.
    household: `[B]` int64 row of `households`.
    time: `[B]` int64 unix seconds of the basket's first line.
    week: `[B]` int64.
    store: `[B]` int64 id.
    offsets: `[B+1]` int64 into the lines; within a basket by item.
    basket_of_line: `[E]` int64.
    item: `[E]` int64 catalogue rows.
    value: `[E]` float32, paid for all units of the item in the basket.
  """

  households: np.ndarray
  household: np.ndarray
  time: np.ndarray
  week: np.ndarray
  store: np.ndarray
  offsets: np.ndarray
  basket_of_line: np.ndarray
  item: np.ndarray
  value: np.ndarray


def find_baskets(lines: pl.DataFrame, item: np.ndarray) -> Baskets:
  """Groups lines that are sorted by household, time, basket and product.

  Lines of one item in one basket become one line.

  Args:
    lines: The purchase lines, with columns household_id, store_id, basket_id,
      sales_value, week and time (the same for all lines of a basket).
    item: The catalogue row of each line, rising within a basket.
  """
  basket_id = lines["basket_id"].to_numpy()
  new_basket = _differs(basket_id)
  new_line = np.flatnonzero(new_basket | _differs(item))
  first = np.flatnonzero(new_basket)
  basket_of_line = np.cumsum(new_basket)[new_line] - 1
  households, household = np.unique(
    lines["household_id"].to_numpy()[first], return_inverse=True
  )
  value = np.add.reduceat(lines["sales_value"].to_numpy(), new_line)
  return Baskets(
    households=households,
    household=household,
    time=lines["time"].to_numpy()[first],
    week=lines["week"].to_numpy()[first],
    store=lines["store_id"].to_numpy()[first],
    offsets=offsets_of(np.bincount(basket_of_line)),
    basket_of_line=basket_of_line,
    item=item[new_line].astype(np.int64),
    value=value.astype(np.float32),
  )


def basket_requests(
  baskets: Baskets,
  exposed: tuple[np.ndarray, np.ndarray],
  *,
  queries: list[str],
  query_of_item: np.ndarray,
  profiles: np.ndarray,
  split_ends: tuple[int, int],
) -> Requests:
  """Makes a next-basket request per basket, then one per phrase it bought from.

  Args:
    baskets: The purchases.
    exposed: The (basket, item) rows to append to the pages, sorted by basket.
    queries: The phrases, `Q` of them.
    query_of_item: The phrase `[N]` int64 of each item, -1 = on no search page.
    profiles: The facts `[U]` of each household.
    split_ends: The last week of training and that of validation.
  """
  # A request is (basket, query), coded as basket * (Q + 1) + query + 1: sorted
  # codes are the request order, the next-basket request (query -1) first.
  base = len(queries) + 1
  code, item, kind, value = _page_entries(
    baskets, exposed, query_of_item, base=base
  )
  order = np.argsort(code, kind="stable")
  new_request = _differs(code[order])
  basket, query = np.divmod(code[order][new_request], base)
  last_train, last_valid = split_ends
  week = baskets.week[basket]
  split = np.where(
    week <= last_train, TRAIN, np.where(week <= last_valid, VALID, TEST)
  )
  events = offsets_of(np.bincount(baskets.household))
  return Requests(
    user_ids=object_array([str(h) for h in baskets.households.tolist()]),
    profiles=profiles,
    user_offsets=baskets.offsets[events],
    event_item=baskets.item.astype(np.int32),
    event_time=baskets.time[baskets.basket_of_line].astype(np.int64),
    user=baskets.household[basket].astype(np.int32),
    time=baskets.time[basket].astype(np.int64),
    history_end=_history_ends(baskets)[basket],
    query=(query - 1).astype(np.int32),
    split=split.astype(np.int8),
    page_offsets=np.append(np.flatnonzero(new_request), len(order)),
    page_item=item[order].astype(np.int32),
    page_kind=kind[order],
    page_value=value[order],
    queries=object_array(queries),
  )


def _page_entries(
  baskets: Baskets,
  exposed: tuple[np.ndarray, np.ndarray],
  query_of_item: np.ndarray,
  *,
  base: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
  """Returns (request code, item, kind, value) of page entries, orders first."""
  basket = np.concatenate([baskets.basket_of_line, exposed[0]])
  item = np.concatenate([baskets.item, exposed[1]])
  orders = len(baskets.item)
  kind = np.full(len(item), EXPOSED, np.int8)
  kind[:orders] = ORDERED
  value = np.zeros(len(item), np.float32)
  value[:orders] = baskets.value
  query = query_of_item[item]
  search = np.flatnonzero(query >= 0)
  rows = np.concatenate([np.arange(len(item)), search])
  code = basket[rows] * base
  code[len(item) :] += query[search] + 1
  return code, item[rows], kind[rows], value[rows]


def _history_ends(baskets: Baskets) -> np.ndarray:
  """Finds the household's first line `[B]` that is not before the basket."""
  new_moment = _differs(baskets.household) | _differs(baskets.time)
  first = np.maximum.accumulate(
    np.where(new_moment, np.arange(len(baskets.time)), 0)
  )
  return baskets.offsets[first]


def _differs(values: np.ndarray) -> np.ndarray:
  """Returns `[n]` bool, True where an entry differs from the one before it."""
  return np.append(True, values[1:] != values[:-1])[: len(values)]
