import json

import pytest

from tools import publish_report


def row(system, kind, value, seen="kept"):
  return {
    "system": system,
    "role": "baseline" if system == "popularity" else "model",
    "requests": kind, "level": "item", "seen": seen,
    "segment": "all", "metric": "recall", "k": 10, "value": value,
    "low": value - 0.01, "high": value + 0.01, "n": 50,
  }  # fmt: skip


@pytest.fixture
def report(tmp_path):
  path = tmp_path / "report.json"
  seeds = {"tokenizer": {"seed": 1}, "generator": {"seed": 2}}
  content = {
    "config": seeds | {"evaluation": {"seed": 3}},
    "versions": {"jax": "1.2"},
    "seconds": {"train": 90.0, "evaluate": 30.0},
    "commits": {"train": "abc", "evaluate": "abc"},
    "origin": {
      "command": "python -m gr_jax.main --config=c.py",
      "commit": "later",
      "machine": "1 x cpu",
    },
    "results": [
      row("cq_sid", "personalised", 0.5),
      row("cq_sid", "next_basket", 0.2),
      row("popularity", "personalised", 0.1),
      row("popularity", "next_basket", 0.05),
      row("cq_sid", "next_basket", 0.03, "out"),
      row("popularity", "next_basket", 0.04, "out"),
    ],
  }
  path.write_text(json.dumps(content))
  return path


def test_a_table_and_a_picture_are_kept(report, tmp_path):
  publish_report.main([f"--report={report}", f"--output={tmp_path / 'out'}"])
  table = (tmp_path / "out" / "table.md").read_text()
  lines = table.splitlines()
  assert lines[2].startswith("| **cq_sid** | 0.500 [0.490, 0.510] |")
  assert lines[3].startswith("| popularity | 0.100")
  assert "commit: abc\n" in table
  assert "2.0 minutes" in table
  assert (tmp_path / "out" / "recall.svg").read_text().startswith("<svg")


def test_figures_without_seen_items_are_kept_on_request(report, tmp_path):
  folder = tmp_path / "out"
  publish_report.main(
    [f"--report={report}", f"--output={folder}", "--seen=out"]
  )
  table = (folder / "table.md").read_text()
  assert table.splitlines()[:4] == [
    "| recall@10  | next basket          |",
    "|------------|----------------------|",
    "| popularity | 0.040 [0.030, 0.050] |",
    "| **cq_sid** | 0.030 [0.020, 0.040] |",
  ]
  assert "seen items taken out" in table


def test_a_missing_report_is_one_line(tmp_path, capsys):
  flags = ["--report=/nowhere.json", f"--output={tmp_path}"]
  assert publish_report.main(flags) == 1
  error = capsys.readouterr().err
  assert "does not exist; run a config first" in error
  assert error.count("\n") == 1
