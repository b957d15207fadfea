"""What has a row, on rows of a few words."""

from tools.ahead import coverage

THERE = {"fits": True, "commit": "one"}
LARGE = {"fits": False, "commit": "two"}
KINDS = {
  "a": {"cpu": ["train", "search"], "gpu": ["train", "search"]},
  "b": {"cpu": [], "gpu": ["search, beam 1", "search, beam 2"]},
}


def cells(rows, recipe):
  for line in coverage.coverage(rows, KINDS).splitlines():
    name, *found = [cell.strip() for cell in line.split("|")[1:-1]]
    if name == recipe:
      return found
  raise AssertionError(recipe)


def test_a_cell_says_which_programs_have_a_row_and_which_do_not_fit():
  rows = {
    "a": {"train": {"cpu": THERE, "gpu": LARGE}, "search": {"cpu": THERE}}
  }
  assert cells(rows, "recipe") == ["cpu", "gpu"]
  assert cells(rows, "a") == ["all", "train; NO: train"]
  assert cells(rows, "b") == ["", "-"]


def test_programs_of_one_kind_are_counted_and_failures_are_no_rows_that_fit():
  error = {"error": "none"}
  rows = {"b": {kind: {"gpu": error} for kind in KINDS["b"]["gpu"]}}
  assert cells(rows, "b") == ["", "all; failed: 2 search"]


def test_commits_are_those_of_the_rows():
  rows = {
    "a": {"train": {"cpu": THERE, "gpu": LARGE}, "search": {"cpu": THERE}}
  }
  found = coverage.commits(rows)
  assert found == {"one": 2, "two": 1}
  assert coverage.said(found).endswith(": 2 at one, 1 at two.")
