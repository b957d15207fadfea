"""A page is what one user saw at once, wherever its rows are in the file."""

import polars as pl

from gr_jax.data.imports.pages import ordered_events


def _pages(**columns) -> list[tuple]:
  n = len(columns["user_id"])
  events = pl.DataFrame(
    {"row": range(n), "item": range(n), "kind": [2] * n} | columns
  ).sample(fraction=1, shuffle=True, seed=0)
  ordered = ordered_events(events)
  return ordered.select("user_id", "item", "time", "page", "page_time").rows()


def test_the_same_second_and_query_is_a_page():
  assert _pages(
    user_id=["u", "u", "u", "u", "v"],
    seconds=[7, 7, 7, 8, 7],
    query=["a", "b", "a", "a", "a"],
  ) == [
    ("u", 0, 7, 0, 7),
    ("u", 1, 7, 1, 7),
    ("u", 2, 7, 0, 7),
    ("u", 3, 8, 2, 8),
    ("v", 4, 7, 3, 7),
  ]


def test_a_session_goes_before_the_second():
  assert _pages(
    user_id=["u", "u", "u"], seconds=[9, 5, 9], session=["s", "s", None]
  ) == [("u", 1, 5, 0, 5), ("u", 0, 9, 0, 5), ("u", 2, 9, 1, 9)]


def test_without_times_position_is_the_time_and_equal_queries_run():
  assert _pages(
    user_id=["u", "v", "u", "u", "u"], query=["a", "a", "a", None, None]
  ) == [
    ("u", 0, 0, 0, 0),
    ("u", 2, 1, 0, 0),
    ("u", 3, 2, 1, 2),
    ("u", 4, 3, 2, 3),
    ("v", 1, 0, 3, 0),
  ]
