"""Two tables become one consistent whole, with an account in numbers."""

import polars as pl
import pytest

from gr_jax.data.imports.assemble import assemble
from gr_jax.data.imports.checked_table import CheckedTable, reject_rows


def _checked(file: str, **columns: list[str | None]) -> CheckedTable:
  frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
  frame = frame.with_row_index("row", offset=2).cast({"row": pl.Int64})
  return CheckedTable(file, frame, reject_rows(file, []), len(frame))


def _assemble(**columns: list[str | None]):
  return assemble(
    _checked("i.csv", item_id=["a", "b", "c"], text=["x", "y", None]),
    _checked("e.csv", **columns),
    event_types={},
    valid_share=0.0,
    test_share=0.25,
    now=1_700_000_000,
    progress=lambda line: None,
  )


USERS, ITEMS = list("uuuvvv"), list("ababac")


def test_counts_are_those_of_what_will_be_written():
  data = _assemble(user_id=USERS, item_id=ITEMS)
  counts = data.summary.counts
  assert counts["items"] == len(data.catalogue) == 2
  assert counts["events"] == len(data.requests.event_item) == 5
  assert counts["requests"] == len(data.requests) == 3
  assert counts["train"] + counts["valid"] + counts["test"] == 3
  assert sum(n for _, _, n, _ in data.summary.rejected) == data.rejects.height
  assert data.rejects.select("file", "row").rows() == [
    ("i.csv", 4),
    ("e.csv", 7),
  ]


def test_times_decide_how_the_split_is_made():
  assert _assemble(user_id=USERS, item_id=ITEMS).split == "user"
  timed = _assemble(user_id=USERS, item_id=ITEMS, time=list("123123"))
  assert timed.split == "time"
  # Requests at 2, 2 and 3: the last is the test, all before it training.
  assert timed.requests.split.tolist() == [0, 0, 2]
  assert timed.catalogue.popularity.tolist() == [2, 2]


def test_a_column_decides_over_times():
  more = {"time": list("123123"), "split": ["train"] * 4 + ["test"] * 2}
  data = _assemble(user_id=USERS, item_id=list("ababab"), **more)
  assert data.split == "column"
  assert data.requests.shared_clock
  # At 2, 2, 3 and 3: of u all are training, of v the last two are the test.
  assert data.requests.split.tolist() == [0, 2, 0, 2]
  assert not _assemble(
    user_id=USERS, item_id=ITEMS, order=list("123123")
  ).requests.shared_clock


def test_examples_of_ids_are_shown_where_these_are_the_cause():
  strange = {"user_id": ["u", "v"], "item_id": ["x", "y"]}
  with pytest.raises(ValueError, match="Events name items like 'x'"):
    _assemble(**strange)
  known = strange | {"item_id": ["a", "b"], "order": ["first", "next"]}
  with pytest.raises(ValueError, match="2 x missing or unreadable order") as e:
    _assemble(**known)
  assert "items like" not in str(e.value)


def test_an_error_says_what_was_assumed_once():
  with pytest.raises(ValueError, match="upper and lower case") as error:
    _assemble(user_id=["u", "v"], item_id=["A", "B"])
  assert str(error.value).count("write both in one case") == 1


def test_nothing_to_train_on_says_what_is_missing():
  with pytest.raises(ValueError, match="split column calls none training"):
    _assemble(user_id=USERS, item_id=list("ababab"), split=["test"] * 6)
  with pytest.raises(ValueError, match=r"No request is left: .*has 2 rows"):
    _assemble(user_id=["u", "v"], item_id=["a", "b"], order=["1", "2"])
