"""What is known of versions, and of those that were cut off."""

import pytest

from experiments.updates import record


def made(name: str, parent: str, *events: str) -> record.Record:
  files = [{"file": each, "sha256": each} for each in events]
  return record.Record(name, parent, files, {}, [], {}, "abc", "cpu", 1.0)


@pytest.fixture
def run(tmp_path):
  for name, parent in (("0001", "0000"), ("0002", "0001"), ("0003", "0001")):
    record.begin(tmp_path, name, {"parent": parent})
    record.save(tmp_path, made(name, parent, name))
  return tmp_path


def test_a_record_is_read_as_it_was_saved(run):
  assert record.load(run, "0003") == made("0003", "0001", "0003")
  assert record.load(run, "0000") is None


def test_a_chain_has_the_parents_and_no_brothers(run):
  names = [one.name for one in record.chain(run, "0003")]
  assert names == ["0001", "0003"]
  assert record.chain(run, "0000") == []


def test_a_chain_with_a_version_that_is_gone_names_it(run):
  (run / "versions" / "0001" / "version.json").unlink()
  with pytest.raises(ValueError, match="version 0001 is not finished or gone"):
    record.chain(run, "0003")


def test_a_damaged_record_is_one_line(run):
  (run / "versions" / "0002" / "version.json").write_text("{}")
  with pytest.raises(ValueError, match=r"version.json is damaged"):
    record.load(run, "0002")


def test_a_mark_is_of_contents_not_of_names(tmp_path):
  files = []
  for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
    (tmp_path / name).write_text(text)
    files.append(record.describe_file(tmp_path / name))
  marks = [record.mark_of([one]) for one in files]
  assert marks[0] == marks[1] != marks[2]
  assert record.mark_of(files[:1]) != record.mark_of(files[:2])


def test_what_was_begun_is_there_until_it_is_removed(tmp_path):
  assert record.begun(tmp_path, "0001") is None
  record.begin(tmp_path, "0001", {"parent": "0000"})
  assert record.begun(tmp_path, "0001") == {"parent": "0000"}
