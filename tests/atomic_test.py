"""A reader sees the file before or the file after, and nothing in between."""

import errno
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
  # The file, and then its name in the folder.
  assert seen == ["before", "after"]
  assert path.read_text() == "after"


def test_what_was_renamed_is_on_disk_under_both_folders(tmp_path, monkeypatch):
  synced = []
  monkeypatch.setattr(atomic, "sync_folder", synced.append)
  (tmp_path / "a").mkdir()
  (tmp_path / "a" / "file").touch()
  atomic.rename(tmp_path / "a" / "file", tmp_path / "file")
  assert (tmp_path / "file").exists()
  assert set(synced) == {tmp_path, tmp_path / "a"}


def test_every_file_and_folder_of_a_tree_is_synced(tmp_path, monkeypatch):
  (tmp_path / "a" / "b").mkdir(parents=True)
  (tmp_path / "a" / "b" / "file").touch()
  synced = []
  monkeypatch.setattr(atomic, "sync", lambda path: synced.append(str(path)))
  atomic.sync_tree(tmp_path)
  below = [tmp_path, *tmp_path.rglob("*")]
  assert sorted(synced) == sorted(map(str, below))


def test_a_file_system_that_cannot_sync_folders_is_no_error(
  tmp_path, monkeypatch
):
  def refuse(path):
    raise OSError(errno.EINVAL, "Invalid argument")

  monkeypatch.setattr(atomic, "sync", refuse)
  atomic.sync_folder(tmp_path)
