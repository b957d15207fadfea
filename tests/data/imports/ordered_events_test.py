"""Events stand in the order of their users, and know their page."""

import polars as pl
import pytest

from gr_jax.data.imports import ordered_events as module
from gr_jax.data.imports.ordered_events import ordered_events, user_blocks
from gr_jax.data.requests import TEST, TRAIN, VALID


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


def test_places_are_counted_for_each_user_and_shared_ones_are_a_page():
  assert _pages(
    user_id=["u", "u", "u", "u", "v"], place=[-5, 40, 40, 7, 40]
  ) == [
    ("u", 0, 0, 0, 0),
    ("u", 3, 1, 1, 1),
    ("u", 1, 2, 2, 2),
    ("u", 2, 2, 2, 2),
    ("v", 4, 0, 3, 0),
  ]


def test_a_place_orders_what_has_one_time():
  found = _pages(
    user_id=["u", "u", "u"], seconds=[7, 7, 6], nanoseconds=[0, 0, 0],
    place=[9, 3, 5],
  )  # fmt: skip
  assert found == [("u", 2, 6, 0, 6), ("u", 1, 7, 1, 7), ("u", 0, 7, 1, 7)]


def test_without_time_and_place_training_rows_come_first():
  found = _pages(user_id=["u"] * 4, part=[TEST, TRAIN, VALID, TRAIN])
  assert [item for _, item, *_ in found] == [1, 3, 2, 0]
  with pytest.raises(ValueError, match="first in row 1"):
    _pages(user_id=["u"] * 2, part=[TEST, TRAIN], place=[0, 1])


def test_a_page_has_one_split():
  found = _pages(user_id=["u"] * 3, part=[TEST, TRAIN, TRAIN], place=[4, 4, 4])
  assert [(item, page) for _, item, _, page, _ in found] == [
    (1, 0),
    (2, 0),
    (0, 1),
  ]


def test_blocks_have_whole_users_in_the_order_of_their_ids(monkeypatch):
  monkeypatch.setattr(module, "_BLOCK", 3)
  events = pl.DataFrame(
    {"row": range(7), "user_id": list("wuvuwxu"), "item": 0, "kind": 2}
  )
  found = user_blocks(events)
  assert found.users.to_list() == ["u", "v", "w", "x"]
  assert [block["user_id"].to_list() for block in found.blocks] == [
    [0, 0, 0],
    [2, 1, 2],
    [3],
  ]
  assert sum(block.height for block in found.blocks) == 7
  assert user_blocks(events.clear()).users.is_empty()
