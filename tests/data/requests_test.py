"""Requests read their own parts right, and refuse parts that do not fit."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import (
  CLICKED,
  EXPOSED,
  ORDERED,
  TEST,
  TRAIN,
  Requests,
)


def small_requests() -> Requests:
  """Two users, five events, three requests: two of a, one of b."""
  return Requests(
    user_ids=object_array(["a", "b"]),
    profiles=object_array([("age=1", "home=é"), ()]),
    user_offsets=np.array([0, 3, 5]),
    event_item=np.array([4, 5, 6, 7, 8], np.int32),
    event_time=np.array([10, 20, 30, 5, 5]),
    user=np.array([0, 0, 1], np.int32),
    time=np.array([20, 30, 5]),
    history_end=np.array([1, 2, 3]),
    query=np.array([-1, 0, -1], np.int32),
    split=np.array([TRAIN, TEST, TEST], np.int8),
    page_offsets=np.array([0, 4, 4, 5]),
    page_item=np.array([9, 3, 3, 1, 2], np.int32),
    page_kind=np.array([ORDERED, CLICKED, ORDERED, EXPOSED, ORDERED], np.int8),
    page_value=np.array([1.5, 0, 2, 0, 1], np.float32),
    queries=object_array(["milk, fresh"]),
  )


def test_history_is_the_users_past_newest_last():
  requests = small_requests()
  assert requests.history(0).tolist() == [4]
  assert requests.history(1).tolist() == [4, 5]
  assert requests.history(2).tolist() == []


def test_targets_are_distinct_in_page_order_without_exposures():
  requests = small_requests()
  assert requests.targets(0).tolist() == [9, 3]
  assert requests.targets(1).tolist() == []


def test_page_request_is_the_owner_of_every_page_entry():
  requests = small_requests()
  assert requests.page_request.tolist() == [0, 0, 0, 0, 2]  # 1 shows nothing.
  for r in range(len(requests)):
    page = slice(*requests.page_offsets[r : r + 2])
    assert (requests.page_request[page] == r).all()


def test_the_owners_of_other_pages_are_counted_anew():
  """A cached value must not come along when fields are replaced."""
  requests = small_requests()
  assert requests.page_request.tolist() == [0, 0, 0, 0, 2]
  moved = dataclasses.replace(requests, page_offsets=np.array([0, 1, 1, 5]))
  assert moved.page_request.tolist() == [0, 2, 2, 2, 2]


def test_rows_select_split_and_kind():
  requests = small_requests()
  assert requests.rows(TEST, "search").tolist() == [1]
  assert requests.rows(TEST, "next_basket").tolist() == [2]
  assert requests.rows(TRAIN, "search").tolist() == []
  with pytest.raises(ValueError, match="'semantic'"):
    requests.rows(TEST, "semantic")


def test_save_then_load_changes_no_bit(tmp_path):
  requests = small_requests()
  requests.save(tmp_path)
  loaded = Requests.load(tmp_path)
  for field in dataclasses.fields(Requests):
    left, right = (
      np.asarray(getattr(table, field.name)) for table in (requests, loaded)
    )
    assert left.dtype == right.dtype
    assert left.tolist() == right.tolist(), field.name


@pytest.mark.parametrize(
  ("field", "value", "message"),
  [
    ("history_end", np.array([2, 2, 3]), "history of request 0 reaches time"),
    ("history_end", np.array([1, 2, 1]), "outside the events of user 1"),
    ("event_time", np.array([10, 9, 30, 5, 5]), "sort the events"),
    ("user_offsets", np.array([0, 6, 5]), "must not fall"),
    ("page_offsets", np.array([0, 4, 5]), "must run from 0 to 5"),
    ("query", np.array([-1, 1, -1], np.int32), r"query\[1\] is 1, outside"),
    ("split", np.array([0, 3, 2], np.int8), "is 3, outside 0..2"),
    ("page_kind", np.full(5, 9, np.int8), "is 9, outside 0..2"),
    ("user", np.array([0, 0, 2], np.int32), "is 2, outside 0..1"),
    ("time", np.array([20, 30, 5], np.int32), "must be a vector of int64"),
    ("page_value", np.zeros(2, np.float32), "neighbours have 5"),
    ("event_split", np.zeros(4, np.int8), "neighbours have 5"),
    ("event_split", np.full(5, 3, np.int8), "is 3, outside 0..2"),
    ("event_action", np.zeros(4, np.int8), "neighbours have 5"),
    ("event_action", np.full(5, -1, np.int8), "is -1, outside 0..127"),
  ],
)
def test_wrong_fields_are_refused_with_one_line(field, value, message):
  with pytest.raises(ValueError, match=message) as error:
    dataclasses.replace(small_requests(), **{field: value})
  assert "\n" not in str(error.value)


def test_loading_from_an_empty_folder_names_the_missing_file(tmp_path):
  with pytest.raises(FileNotFoundError, match=r"arrays\.npz missing"):
    Requests.load(tmp_path)


def test_folders_without_the_later_fields_still_load(tmp_path):
  requests = dataclasses.replace(
    small_requests(),
    shared_clock=False,
    own_item=np.array([4, -1, 2], np.int32),
    event_split=np.array([0, 1, 2, 0, 0], np.int8),
    event_action=np.array([5, 1, 2, 0, 4], np.int8),
  )
  requests.save(tmp_path)
  loaded = Requests.load(tmp_path)
  assert not loaded.shared_clock
  assert loaded.own_item.tolist() == [4, -1, 2]
  assert loaded.event_split.tolist() == [0, 1, 2, 0, 0]
  assert loaded.event_action.tolist() == [5, 1, 2, 0, 4]
  with np.load(tmp_path / "arrays.npz") as file:
    later = ("own_item", "shared_clock", "event_split", "event_action")
    kept = {k: v for k, v in file.items() if k not in later}
  np.savez(tmp_path / "arrays.npz", **kept)
  older = Requests.load(tmp_path)
  assert older.shared_clock
  assert older.own_item.tolist() == [-1, -1, -1]
  assert older.event_split is None
  assert older.event_action is None


def test_the_user_of_every_event():
  assert small_requests().event_user.tolist() == [0, 0, 0, 1, 1]
