"""New events are read as an import reads them, and late ones left out."""

import pytest

from experiments.updates.new_events import read_events
from gr_jax.data.catalogue import object_array
from tests.experiments.updates.small_logs import FIRST, built, frame

IDS = object_array(["a", "b", "c", "d"])
KNOWN = built(frame(FIRST))  # Users u and v, up to second 2.
HEAD = "user_id,item_id,time,event"


def read(tmp_path, *lines: str, known=KNOWN, **options):
  path = tmp_path / "events.csv"
  path.write_text("\n".join(lines) + "\n")
  options = {"columns": {}, "event_types": {}} | options
  return read_events(path, known, IDS, **options)


def test_events_have_the_rows_of_their_items(tmp_path):
  found = read(tmp_path, HEAD, "u,c,5,click", "new,a,1,purchase")
  assert found.frame["item"].to_list() == [2, 0]
  assert found.frame["kind"].to_list() == [1, 2]
  assert found.sentence() == "2 of 2 events are new"


def test_columns_of_the_import_are_read_where_the_file_has_them(tmp_path):
  usual = {"user_id": "who", "events.item_id": "sku", "time": "when"}
  head = "who,sku,time,event"
  found = read(tmp_path, head, "u,c,5,click", usual=usual)
  assert found.frame["item"].to_list() == [2]
  ours = read(tmp_path, HEAD, "u,d,5,click", usual=usual)
  assert ours.frame["item"].to_list() == [3]
  given = {"events.item_id": "item"}
  named = read(
    tmp_path, "who,sku,item,time", "u,z,b,5", usual=usual, columns=given
  )
  assert named.frame["item"].to_list() == [1]


def test_what_cannot_be_learned_is_counted_by_reason(tmp_path):
  found = read(
    tmp_path, HEAD, "u,c,5,click", "u,d,2,click", "u,c,1,click", "u,z,5,click",
    "u,a,5,sneeze", ",a,5,click",
  )  # fmt: skip
  assert found.frame["item"].to_list() == [2, 3]
  assert sorted(found.left_out.values()) == [1, 1, 1, 1]
  assert "left out 1 x late: before the last event" in found.sentence()
  assert "1 x unknown item" in found.sentence()


def test_one_user_is_not_late_for_another(tmp_path):
  assert read(tmp_path, HEAD, "new,c,0,click").frame.height == 1


def test_times_may_be_of_a_form_that_is_said(tmp_path):
  line = "u,c,2/1/2025 1:00 PM,click"
  first, second = (
    read(tmp_path, HEAD, line, time_format=form).frame["seconds"][0]
    for form in ("mdy", "dmy")
  )
  # The first of February and the second of January.
  assert first - second == 30 * 86_400


def test_a_split_is_not_read(tmp_path):
  assert read(tmp_path, f"{HEAD},split", "u,c,5,click,of mine").left_out == {}


def test_columns_and_types_may_have_other_names(tmp_path):
  found = read(
    tmp_path, "user_id,sku,time,event", "u,c,5,gaze",
    columns={"item_id": "sku", "items.text": "title"},
    event_types={"gaze": "exposure"},
  )  # fmt: skip
  assert found.frame["kind"].to_list() == [0]


def test_where_times_are_positions_a_time_only_orders(tmp_path):
  known = built(frame(FIRST, timed=False))
  found = read(tmp_path, HEAD, "u,c,9,click", "u,a,8,click", known=known)
  assert "seconds" not in found.frame.columns
  assert found.frame["row"].to_list() == [2, 3]
  assert found.frame["place"].to_list() == [2, 1]


def test_where_times_are_positions_iso_times_order_too(tmp_path):
  known = built(frame(FIRST, timed=False))
  found = read(
    tmp_path, HEAD, "u,c,2024-05-02 10:00:00,click",
    "u,a,2024-05-02T10:00:00.5Z,click", "u,b,2024-05-01,click",
    "u,b,2024-05-01,click", known=known,
  )  # fmt: skip
  assert found.frame["place"].to_list() == [2, 3, 1, 1]


def test_an_event_that_the_log_has_is_not_learned_again(tmp_path):
  item = KNOWN.event_item[KNOWN.user_offsets[1] - 1]
  last = KNOWN.event_time[KNOWN.user_offsets[1] - 1]
  user, other = KNOWN.user_ids[0], (item + 1) % 4
  found = read(
    tmp_path, HEAD, f"{user},{IDS[item]},{last},click",
    f"{user},{IDS[item]},{last + 1},click", f"{user},{IDS[other]},{last},click",
    f"new,{IDS[item]},{last},click",
  )  # fmt: skip
  assert found.frame["row"].to_list() == [3, 4, 5]
  assert "left out 1 x known" in found.sentence()


@pytest.mark.parametrize(
  ("lines", "text"),
  [
    (["user_id,item_id", "u,c"], "no column 'time', and the run was trained"),
    ([HEAD, "u,z,5,click"], "1 x unknown item: nothing is left to learn"),
    (["user_id,time", "u,5"], "has no column 'item_id'"),
  ],
)
def test_a_file_of_no_use_is_one_line(tmp_path, lines, text):
  with pytest.raises(ValueError, match=text):
    read(tmp_path, *lines)
