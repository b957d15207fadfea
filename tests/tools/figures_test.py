"""The tool fills the pages in place and names those it cannot fill."""

import shutil

import pytest

from tools import figures


@pytest.fixture
def root(tmp_path, monkeypatch):
  """A copy of the pages and tables."""
  shutil.copytree(figures.RESULTS, tmp_path / "experiments/results")
  shutil.copytree(figures.ROOT / "docs", tmp_path / "docs")
  shutil.copy(figures.ROOT / "README.md", tmp_path)
  monkeypatch.setattr(figures, "ROOT", tmp_path)
  monkeypatch.setattr(figures, "RESULTS", tmp_path / "experiments/results")
  return tmp_path


def contents(root):
  return {path: path.read_bytes() for path in root.rglob("*.md")}


def test_pages_that_are_filled_stay_as_they_are(root, capsys):
  before = contents(root)
  assert figures.main([]) == 0
  assert contents(root) == before
  assert capsys.readouterr().out == ""


def test_a_rerun_changes_the_pages_by_one_command(root, capsys):
  """Another table: the same words stand with its figures."""
  before = contents(root)
  table = root / "experiments/results/cq_sid/table.json"
  record = figures.load_record(table)
  for row in record.rows:
    if row["metric"] == "personalised/recall@10" and row["arm"] == "cq_sid":
      row |= {"value": 0.25, "value_low": 0.125, "value_high": 0.5}
  table.write_text(record.to_json())
  assert figures.main([]) == 0
  written = capsys.readouterr().out.splitlines()
  assert written == [
    "written: README.md", "written: experiments/results/cq_sid/README.md",
  ]  # fmt: skip
  after = contents(root)
  changed = {
    path.relative_to(root).as_posix()
    for path in after
    if after[path] != before[path]
  }
  assert changed == {
    "README.md",
    "experiments/results/cq_sid/README.md",
    "experiments/results/cq_sid/table.md",
  }
  assert "0.250 [0.125, 0.500]" in (root / "README.md").read_text()


def test_a_number_without_a_source_is_named(root, capsys):
  page = root / "docs/concepts.md"
  page.write_text("It is 7 % better.\n")
  assert figures.main([]) == 1
  assert capsys.readouterr().err == (
    "error: docs/concepts.md: 1 figures and 0 addresses; left over: 7 %\n"
  )
  assert page.read_text() == "It is 7 % better.\n"
