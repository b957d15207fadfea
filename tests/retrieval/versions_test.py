"""One pointer says which version of a run is served."""

import os
from unittest import mock

import pytest

from gr_jax.retrieval import versions


def make(run, *names) -> None:
  for name in names:
    (run / "versions" / name).mkdir(parents=True)


def test_a_run_without_versions_is_its_own_first(tmp_path):
  assert versions.current_name(tmp_path) == versions.FIRST
  assert versions.current(tmp_path) == tmp_path
  assert versions.names(tmp_path) == [versions.FIRST]


def test_a_version_is_served_once_the_pointer_names_it(tmp_path):
  make(tmp_path, "0001", "0002", "0002.partial", "notes")
  assert versions.names(tmp_path) == ["0000", "0001", "0002"]
  assert versions.current(tmp_path) == tmp_path
  versions.point_to(tmp_path, "0002")
  assert versions.current(tmp_path) == tmp_path / "versions" / "0002"
  versions.point_to(tmp_path, versions.FIRST)
  assert versions.current(tmp_path) == tmp_path


def test_names_sort_as_numbers(tmp_path):
  make(tmp_path, "10000", "9999", "0002")
  assert versions.names(tmp_path) == ["0000", "0002", "9999", "10000"]


def test_a_folder_knows_its_version(tmp_path):
  assert versions.name_of(tmp_path / "versions" / "0007") == "0007"
  assert versions.name_of(tmp_path) == versions.FIRST
  assert versions.name_of(tmp_path / "other" / "0007") == versions.FIRST


def test_nobody_points_to_a_version_that_is_not_there(tmp_path):
  make(tmp_path, "0001")
  with pytest.raises(ValueError, match="no version '0009'; there are 0000, 00"):
    versions.point_to(tmp_path, "0009")
  assert versions.current_name(tmp_path) == versions.FIRST


@pytest.mark.parametrize("text", ["0009", "", "../../etc", "one\ntwo"])
def test_a_damaged_pointer_is_one_line_that_says_what_there_is(tmp_path, text):
  make(tmp_path, "0001")
  (tmp_path / "versions" / "current").write_text(text)
  with pytest.raises(ValueError, match="write one of 0000, 0001 into it"):
    versions.current_name(tmp_path)


def test_a_pointer_that_cannot_be_written_stays(tmp_path):
  make(tmp_path, "0001", "0002")
  versions.point_to(tmp_path, "0001")
  with (
    mock.patch.object(os, "replace", side_effect=OSError(28, "No space left")),
    pytest.raises(OSError, match="No space left"),
  ):
    versions.point_to(tmp_path, "0002")
  assert versions.current_name(tmp_path) == "0001"
