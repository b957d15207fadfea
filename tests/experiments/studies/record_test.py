"""A record is what its file holds."""

import pytest

from experiments.studies.record import Record, load_record


def record(**fields):
  row = {"world": "shop", "metric": "hits", "arm": "b", "baseline": "a"}
  return Record(
    **{
      "study": "cq_sid",
      "labels": {"a": "A", "b": "B"},
      "worlds": {"shop": {"variants": ["a", "b"]}},
      "rows": [
        row | {"value": 0.5, "low": 0.1},
        row | {"arm": "a", "value": 0.4},
      ],
      "origin": {"commit": "abc"},
      "config": {},
    }
    | fields
  )


def test_a_record_is_read_as_it_was_written(tmp_path):
  path = tmp_path / "table.json"
  path.write_text(record().to_json())
  found = load_record(path)
  assert found.find("shop", "hits", "b", "a")["low"] == 0.1
  assert found.rows[1] == record().rows[1] | {"low": None}
  assert (found.study, found.worlds) == (record().study, record().worlds)
  assert found.to_json() == record().to_json()


def test_a_row_is_found_by_all_of_its_names():
  assert record().find("shop", "hits", "b", "a")["value"] == 0.5
  assert record().find("shop", "hits", "a")["value"] == 0.4
  for names in (("shop", "hits", "b"), ("sea", "hits", "a")):
    assert record().find(*names) is None


def test_a_figure_that_is_no_number_is_not_written():
  with pytest.raises(ValueError, match="JSON"):
    record(config={"x": float("nan")}).to_json()
