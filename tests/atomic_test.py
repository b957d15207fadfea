"""A reader sees the file before or the file after, and nothing in between."""

import os

import pytest

from gr_jax import atomic


def test_what_is_written_is_read(tmp_path):
  atomic.write_text(tmp_path / "a.txt", "früh\n")
  assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "früh\n"
  atomic.write_bytes(tmp_path / "a.txt", b"\0\r\n")
  assert (tmp_path / "a.txt").read_bytes() == b"\0\r\n"
  assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_an_error_leaves_the_old_file_and_nothing_else(
  tmp_path, monkeypatch, broken
):
  def fail(*arguments):
    raise OSError("no space left on device")

  atomic.write_text(tmp_path / "a.txt", "before")
  monkeypatch.setattr(os, broken, fail)
  with pytest.raises(OSError, match="no space"):
    atomic.write_text(tmp_path / "a.txt", "after")
  assert (tmp_path / "a.txt").read_text() == "before"
  assert os.listdir(tmp_path) == ["a.txt"]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path, monkeypatch):
  path, seen = tmp_path / "a.txt", []
  atomic.write_text(path, "before")
  monkeypatch.setattr(os, "fsync", lambda _: seen.append(path.read_text()))
  atomic.write_text(path, "after")
  assert seen == ["before"]
  assert path.read_text() == "after"
