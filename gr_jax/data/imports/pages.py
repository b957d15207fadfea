"""Events become pages: what one user was shown, clicked and bought at once."""

import polars as pl

_COLUMNS = {
  "query": pl.String,
  "session": pl.String,
  "amount": pl.Float64,
}


def ordered_events(events: pl.DataFrame) -> pl.DataFrame:
  """Events by user, then time, then row, with a page number each.

  Pages are the events of a user with the same session and query; without a
  session, with the same second and query; without a time, neighbouring events
  with the same query, and events without a query stand alone. Pages are
  numbered by user and time.

  Args:
    events: columns row, user_id, item, kind, and where known seconds, query,
      session, amount.

  Returns:
    columns user_id, item, kind, query, amount, time (unix seconds, or the
    position among the user's events), page, and page_time, when a page began.
  """
  events = events.with_columns(
    pl.lit(None, dtype).alias(name)
    for name, dtype in _COLUMNS.items()
    if name not in events.columns
  )
  timed = "seconds" in events.columns
  order = ["user_id", "seconds", "row"] if timed else ["user_id", "row"]
  events = events.sort(order)
  if timed:
    events = events.with_columns(time=pl.col("seconds"), moment="seconds")
  else:
    position = pl.int_range(pl.len(), dtype=pl.Int64).over("user_id")
    events = events.with_columns(time=position).with_columns(moment=_runs())
  # A session is a word and a moment a number: they never meet.
  place = pl.when(pl.col("session").is_null()).then(pl.col("moment"))
  events = events.with_columns(moment=place)
  keys = ["user_id", "session", "moment", "query"]
  pages = events.group_by(keys, maintain_order=True).agg(
    page_time=pl.col("time").min()
  )
  pages = pages.with_row_index("page")
  events = events.join(
    pages, on=keys, how="left", nulls_equal=True, maintain_order="left"
  )
  return events.select(
    "user_id", "item", "kind", "query", "amount", "time", "page", "page_time"
  )


def _runs() -> pl.Expr:
  """Numbers runs of one user's equal queries; no query is a run of its own."""
  query, user = pl.col("query"), pl.col("user_id")
  same = (query == query.shift(1)) & (user == user.shift(1))
  return same.fill_null(False).not_().cum_sum().cast(pl.Int64)
