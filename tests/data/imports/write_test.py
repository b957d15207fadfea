"""A folder appears whole or not at all, and an old one is never lost."""

import csv
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.checked_table import reject_rows
from gr_jax.data.imports.write import (
  check_output,
  write_folder,
  write_rejects,
)


def _write(folder):
  (folder / "mark.json").write_text("new")


def _old(tmp_path):
  output = tmp_path / "out"
  output.mkdir()
  (output / "mark.json").write_text("old")
  return output


def test_a_new_folder_and_an_old_one_are_written(tmp_path):
  output = tmp_path / "a" / "b"
  for _ in range(2):
    write_folder(output, _write)
    assert (output / "mark.json").read_text() == "new"
  assert [path.name for path in output.parent.iterdir()] == ["b"]


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyError("x")])
def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path, error):
  output = _old(tmp_path)

  def fail(folder):
    _write(folder)
    raise error

  with pytest.raises((OSError, KeyError)):
    write_folder(output, fail)
  assert (output / "mark.json").read_text() == "old"
  assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_to_rename_puts_the_old_folder_back(tmp_path, monkeypatch):
  output, replace = _old(tmp_path), os.replace

  def fail_on_new(source, target):
    if os.path.basename(source) == "new":
      raise OSError(5, "Input/output error")
    replace(source, target)

  monkeypatch.setattr(os, "replace", fail_on_new)
  with pytest.raises(OSError, match=r"Cannot write .* Input/output error"):
    write_folder(output, _write)
  assert (output / "mark.json").read_text() == "old"
  assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_only_an_earlier_import_may_be_replaced(tmp_path):
  check_output(tmp_path / "new", marker="mark.json", overwrite=False)
  empty = tmp_path / "empty"
  empty.mkdir()
  check_output(empty, marker="mark.json", overwrite=False)
  output = _old(tmp_path)
  check_output(output, marker="mark.json", overwrite=True)
  with pytest.raises(FileExistsError, match="add --overwrite"):
    check_output(output, marker="mark.json", overwrite=False)
  with pytest.raises(FileExistsError, match="not an earlier import"):
    check_output(output, marker="other.json", overwrite=True)


def test_a_parent_that_is_a_file_is_one_line(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(OSError, match=r"Cannot write .*: "):
    write_folder(tmp_path / "file" / "out", _write)


CELLS = st.lists(
  st.text(st.sampled_from("=+-@\t\r'a,\" "), max_size=6), min_size=1, max_size=4
)


@given(CELLS)
def test_spreadsheets_run_no_cell_of_the_rejects(tmp_path_factory, contents):
  path = tmp_path_factory.getbasetemp() / "rejects.csv"
  rows = [(row, "bad", text) for row, text in enumerate(contents)]
  write_rejects(reject_rows("=t.csv", rows), path)
  with path.open(newline="") as stream:
    read = list(csv.DictReader(stream))
  for text, row in zip(contents, read, strict=True):
    runs = re.match(r"[=+\-@\t\r]", text)
    assert row["content"] == ("'" if runs else "") + text
    assert row["file"] == "'=t.csv"
