import json

import pytest

from experiments.studies import run_page, run_record
from experiments.studies.record import load_record
from tests.experiments.studies.run_record_test import small_report
from tools import publish_report


@pytest.fixture
def report(tmp_path):
  path = tmp_path / "report.json"
  path.write_text(json.dumps(small_report()))
  return path


def test_a_record_a_page_and_a_picture_are_kept(report, tmp_path):
  folder = tmp_path / "shop"
  publish_report.main([f"--report={report}", f"--output={folder}"])
  record = load_record(folder / "table.json")
  assert record == run_record.from_report(small_report(), "shop")
  assert (folder / "table.md").read_text() == run_page.page(record)
  assert (folder / "recall.svg").read_text().startswith("<svg")


def test_figures_without_seen_items_are_shown_on_request(report, tmp_path):
  folder = tmp_path / "shop"
  publish_report.main(
    [f"--report={report}", f"--output={folder}", "--seen=out"]
  )
  assert load_record(folder / "table.json").worlds["shop"]["seen"] == "out"
  assert "seen items taken out" in (folder / "table.md").read_text()


def test_systems_that_are_named_are_kept_alone(report, tmp_path):
  folder = tmp_path / "shop"
  flags = [f"--report={report}", f"--output={folder}", "--systems=bm25"]
  assert publish_report.main(flags) == 0
  assert load_record(folder / "table.json").worlds["shop"]["variants"] == [
    "bm25"
  ]
  assert "mine" not in (folder / "recall.svg").read_text()


def test_a_missing_report_is_one_line(tmp_path, capsys):
  flags = ["--report=/nowhere.json", f"--output={tmp_path}"]
  assert publish_report.main(flags) == 1
  error = capsys.readouterr().err
  assert "does not exist; run a config first" in error
  assert error.count("\n") == 1
