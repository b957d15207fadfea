"""The requests that new events make, each with its page.

As `build_requests`: a page with a click or an order, and a history or a query;
an item once on a page, at its strongest kind.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import EXPOSED, ORDERED


class NewPages(NamedTuple):
  """Requests as tables.

  Attributes:
    pages: a row a request, by time: user, page_time, history_end and
      query_row, -1 without a query.
    lines: a row an item of a page: request (the row of `pages`), item, kind and
      value, what was paid.
    queries: `[Q]`, the known ones first.
  """

  pages: pl.DataFrame
  lines: pl.DataFrame
  queries: np.ndarray


def new_pages(
  new: pl.DataFrame,
  offsets: np.ndarray,
  times: np.ndarray,
  queries: np.ndarray,
  prices: np.ndarray,
) -> NewPages:
  """The requests of new events.

  Args:
    new: as `ordered_events`, with the rows of users.
    offsets: `[U + 1]`, the places of each user's events, known and new.
    times: `[E]`, theirs.
    queries: the known ones.
    prices: `[N]`, what an item costs where its order does not say.
  """
  pages = new.group_by("page", maintain_order=True).agg(
    pl.col("user", "page_time", "query").first(),
    answered=(pl.col("kind") > EXPOSED).any(),
  )
  begin, end = (offsets[pages["user"].to_numpy() + step] for step in (0, 1))
  starts = [
    first + np.searchsorted(times[first:last], moment)
    for first, last, moment in zip(begin, end, pages["page_time"].to_list())
  ]
  pages = pages.with_columns(
    history_end=pl.Series(starts, dtype=pl.Int64),
    begin=pl.Series(begin, dtype=pl.Int64),
  )
  some = (pl.col("history_end") > pl.col("begin")) | pl.col(
    "query"
  ).is_not_null()
  pages = pages.filter(pl.col("answered") & some)
  pages = pages.sort("page_time", "user", "page")
  numbered = pages.select("page").with_row_index("request")
  price = pl.Series(prices[new["item"].to_numpy()].astype(np.float64))
  paid = pl.when(pl.col("kind") == ORDERED).then(
    pl.coalesce("amount", pl.lit(price))
  )
  lines = (
    new.with_columns(paid=paid)
    .join(numbered, on="page", maintain_order="left")
    .group_by("request", "item", maintain_order=True)
    .agg(kind=pl.col("kind").max(), value=pl.col("paid").sum())
    .sort("request", maintain_order=True)
  )
  rows = {query: row for row, query in enumerate(queries.tolist())}
  for query in pages["query"].drop_nulls().to_list():
    rows.setdefault(query, len(rows))
  found = [-1 if q is None else rows[q] for q in pages["query"].to_list()]
  pages = pages.with_columns(query_row=pl.Series(found, dtype=pl.Int32))
  return NewPages(pages, lines, object_array(list(rows)))
