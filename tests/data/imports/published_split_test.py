"""A published split is read by its words, and never against its order."""

import polars as pl
import pytest

from gr_jax.data.imports.checked_table import CheckedTable, reject_rows
from gr_jax.data.imports.published_split import (
  check_split,
  known_splits,
  late_events,
  refuse_late,
)
from gr_jax.data.requests import TEST, TRAIN, VALID


def _table(*words: str | None) -> CheckedTable:
  frame = pl.DataFrame({"split": words}, schema={"split": pl.String})
  frame = frame.with_row_index("row", offset=2).cast({"row": pl.Int64})
  return CheckedTable("e.csv", frame, reject_rows("e.csv", []), len(frame))


def test_the_words_of_public_sets_are_known_in_any_case():
  words = {
    TRAIN: ["train", "Training"],
    VALID: ["valid", "validation", "VAL", "dev"],
    TEST: ["Test", "testing"],
  }
  for part, spellings in words.items():
    found = check_split(_table(*spellings), {}).frame["part"]
    assert found.to_list() == [part] * len(spellings)


def test_words_of_the_file_can_be_named():
  splits = {"0": "train", "1": "valid", "Train": "test"}
  found = check_split(_table("0", "1", "train", "dev"), splits)
  assert found.frame["part"].to_list() == [TRAIN, VALID, TEST, VALID]
  with pytest.raises(ValueError, match=r"--splits=0=tr.*'tr' is none of train"):
    known_splits({"0": "tr"})


def test_a_row_without_a_split_is_left_out():
  found = check_split(_table("train", None), {})
  assert found.frame["row"].to_list() == [2]
  assert found.rejects.select("row", "reason").rows() == [(3, "missing split")]


def test_an_unknown_word_is_one_line_with_a_way_out():
  words = ["train", "eval", "fold1", "eval", "x", "y", None]
  with pytest.raises(ValueError, match="split of 5 rows") as caught:
    check_split(_table(*words), {})
  message = str(caught.value)
  assert "\n" not in message
  assert "'eval', 'fold1', 'x', ... (first in row 3)" in message
  assert "--splits=eval=valid" in message


def test_events_follow_their_splits():
  events = pl.DataFrame(
    {
      "user_id": ["u", "u", "u", "v", "v", "v"],
      "row": [2, 3, 4, 5, 6, 7],
      "part": [TRAIN, TRAIN, TEST, VALID, VALID, TEST],
    }
  )
  refuse_late(late_events(events))
  refuse_late(late_events(events.head(0)))
  for late, message in (
    ([TRAIN, TEST, TRAIN, TEST, VALID, TRAIN], "3 events of 2 .*in row 4"),
    ([TRAIN, TRAIN, TEST, VALID, TEST, VALID], "1 events of 1 .*in row 7"),
  ):
    with pytest.raises(ValueError, match=message):
      refuse_late(late_events(events.with_columns(part=pl.Series(late))))
