"""Each check names exactly the rows that break it."""

import polars as pl
import pytest

from gr_jax.data.imports.checked_table import CheckedTable, reject_rows
from gr_jax.data.imports.checks import (
  check_events,
  check_items,
  drop_empty_users,
)
from gr_jax.data.imports.event_types import known_types
from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED, TRAIN, VALID

NOW = 1_700_000_000


def _checked(**columns: list[str | None]) -> CheckedTable:
  frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
  frame = frame.with_row_index("row", offset=2).cast({"row": pl.Int64})
  return CheckedTable("t.csv", frame, reject_rows("t.csv", []), len(frame))


def _events(**columns: list[str | None]) -> CheckedTable:
  return check_events(
    _checked(**columns),
    item_ids=pl.Series(["a", "b"]),
    event_types={"stare": "exposure"},
    now=NOW,
  )


def _reasons(checked: CheckedTable) -> dict[int, str]:
  return dict(checked.rejects.select("row", "reason").rows())


def test_items_keep_the_first_of_an_id():
  checked = check_items(
    _checked(
      item_id=["a", "a", "a", None, "b"], text=["x", "x", "y", "z", None]
    )
  )
  assert checked.frame["text"].to_list() == ["x"]
  assert _reasons(checked) == {
    3: "duplicate item id, same text",
    4: "duplicate item id, other text (the first is kept)",
    5: "missing item id",
    6: "missing item text",
  }


def test_an_item_without_text_does_not_hide_a_later_one_with_text():
  checked = check_items(_checked(item_id=["a", "a"], text=[None, "x"]))
  assert checked.frame["text"].to_list() == ["x"]


def test_an_items_bad_value_is_listed_and_unknown():
  values = ["1.5", None, "-1", "nan", "inf", "cheap", "0"]
  checked = check_items(
    _checked(item_id=list("abcdefg"), text=list("abcdefg"), value=values)
  )
  expected = [1.5, None, None, None, None, None, 0]
  assert checked.frame["amount"].to_list() == expected
  assert sorted(_reasons(checked)) == [4, 5, 6, 7]


def test_events_name_a_user_and_a_known_item():
  checked = _events(
    user_id=["u", None, "u", "u"], item_id=["b", "a", None, "c"]
  )
  assert checked.frame["item"].to_list() == [1]
  assert checked.frame["kind"].to_list() == [ORDERED]
  assert _reasons(checked) == {
    3: "missing user id",
    4: "missing item id",
    5: "unknown item",
  }


def test_event_types_are_read_in_any_case_and_others_rejected():
  types = ["View", "CLICK", "purchase", "stare", "add_to_cart", "sneeze", None]
  checked = _events(user_id=["u"] * 7, item_id=["a"] * 7, event=types)
  kinds = [EXPOSED, CLICKED, ORDERED, EXPOSED, CLICKED]
  assert checked.frame["kind"].to_list() == kinds
  assert sorted(_reasons(checked)) == [7, 8]


def test_times_more_than_a_day_ahead_are_the_future():
  times = [str(NOW + 86_400), str(NOW + 86_401), "soon", None]
  checked = _events(user_id=["u"] * 4, item_id=["a"] * 4, time=times)
  assert checked.frame["seconds"].to_list() == [NOW + 86_400]
  unread = (
    "missing or unreadable time (write unix time or ISO 8601, or add "
    "--time_format=...)"
  )
  assert _reasons(checked) == {
    3: "time in the future",
    4: unread,
    5: unread,
  }


def test_an_event_with_a_bad_value_is_dropped_and_without_one_is_kept():
  checked = _events(
    user_id=["u"] * 3, item_id=["a"] * 3, value=["2", None, "-2"]
  )
  assert checked.frame["amount"].to_list() == [2, None]
  assert _reasons(checked) == {4: "bad value"}


def test_users_left_with_nothing_are_listed():
  table = _checked(
    user_id=["u", "v", "w", "w"],
    item_id=["a", "a", "z", "z"],
    event=["order", "view", "order", "order"],
  )
  everyone = table.frame.select("user_id", "row")
  events = check_events(
    table, item_ids=pl.Series(["a"]), event_types={}, now=NOW
  )
  checked = drop_empty_users(events, everyone)
  assert checked.frame["user_id"].to_list() == ["u"]
  empty = checked.rejects.filter(pl.col("reason").str.contains("user"))
  assert empty.select("row", "content").rows() == [
    (4, '{"user_id":"w"}'),
    (3, '{"user_id":"v","item_id":"a","event":"view"}'),
  ]


def test_a_type_can_only_become_one_of_ours():
  assert known_types({"VIEW": "click"})["view"] == CLICKED
  with pytest.raises(ValueError, match="'seen' is none of exposure, click"):
    known_types({"view": "seen"})


def test_an_order_is_any_number_and_exact():
  order = ["3", "-1", "2.5", "1e3", "9007199254740993", "9007199254740992"]
  odd = ["first", None, "nan", "inf", "2024-05-01"]
  count = len(order) + len(odd)
  checked = _events(
    user_id=["u"] * count, item_id=["a"] * count, order=order + odd
  )
  place = checked.frame["place"]
  assert checked.frame["order"][place.arg_sort().to_list()].to_list() == [
    "-1", "2.5", "3", "1e3", "9007199254740992", "9007199254740993",
  ]  # fmt: skip
  unread = "missing or unreadable order (write a number; dates are a time)"
  assert _reasons(checked) == dict.fromkeys(range(8, 13), unread)


def test_a_split_becomes_a_part():
  checked = _events(
    user_id=["u"] * 3, item_id=["a"] * 3, split=["dev", "train", None]
  )
  assert checked.frame["part"].to_list() == [VALID, TRAIN]
  assert _reasons(checked) == {4: "missing split"}
