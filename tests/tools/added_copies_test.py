"""Copies of popular items are added and searched by their words."""

from tests.serving.conftest import *  # noqa: F403
from tools import added_copies


def test_shares_of_copies_are_printed_and_the_run_stays(run, capsys):
  before = sorted(path.name for path in run.parent.iterdir())
  assert added_copies.main([f"--workdir={run}", "--items=12"]) == 0
  found = dict(line.split() for line in capsys.readouterr().out.splitlines())
  assert float(found["same_category"]) == 1
  assert float(found["same_first_code"]) == 1
  assert set(found) == {
    "same_category",
    "same_first_code",
    "first_by_its_words",
    "among_10",
  }
  assert sorted(path.name for path in run.parent.iterdir()) == before


def test_a_missing_run_is_one_line(capsys):
  assert added_copies.main(["--workdir=/nowhere"]) == 1
  assert capsys.readouterr().err.count("\n") == 1
