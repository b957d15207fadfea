"""A mark is the last one that was written whole, and never ahead of its log."""

import os
from unittest import mock

import pytest

from gr_jax.serving.catalogue.log_lines import Header, started
from gr_jax.serving.catalogue.log_mark import Mark, MarkFile, read_mark


def places(count: int):
  _, place = started(Header("a"))
  for number in range(count):
    _, place = place.after([b"%d" % number])
    yield place


@pytest.fixture
def log(tmp_path):
  return tmp_path / "items.log"


def test_the_last_one_is_read(log):
  assert read_mark(log) == Mark()
  file = MarkFile(log)
  for place in places(5):
    file.write(place)
    found = read_mark(log)
    assert found == file.mark
    assert found[:4] == ("a", place.number, place.size, place.checksum)
  file.close()
  again = MarkFile(log)
  assert again.mark == found
  again.close()


@pytest.mark.parametrize("torn", [b"", b"\0" * 30, b"0" * 128])
def test_one_that_was_torn_leaves_the_one_before(log, torn):
  file = MarkFile(log)
  marks = []
  for place in places(4):
    file.write(place)
    marks.append(file.mark)
  at = 4096 * (marks[-1].turn % 2)
  os.pwrite(file.file, torn.ljust(128, b"\0"), at)
  assert read_mark(log) == marks[-2]
  file.close()


def test_it_may_go_back_when_a_log_was_mended(log):
  file = MarkFile(log)
  first, *_, last = places(4)
  file.write(last)
  file.write(first)
  assert read_mark(log).number == first.number
  file.close()


def test_it_is_synced_once_a_second(log):
  file = MarkFile(log)
  with mock.patch("os.fsync") as synced:
    for place in places(200):
      file.write(place)
  assert 1 <= synced.call_count < 50
  file.close()
