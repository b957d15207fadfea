"""The page of a run says what its record holds."""

import pytest

from experiments.studies import run_page, run_record
from tests.experiments.studies.run_record_test import row, small_report

REPORT = small_report(
  results=[
    row("mine", "semantic", value=0.2),
    row("mine", "personalised"),
    row("other", "semantic", value=0.25, difference=-0.05,
        difference_low=-0.1, difference_high=-0.01),
    row("other", "personalised", value=0.3, difference=0.2,
        difference_low=0.1, difference_high=0.3),
    row("third", "personalised", value=0.45, difference=0.05,
        difference_low=-0.01, difference_high=0.1),
  ]
)  # fmt: skip


@pytest.fixture
def record():
  return run_record.from_report(REPORT, "shop")


def test_systems_stand_by_personalised_requests_and_the_best_is_bold(record):
  assert run_page.figures(record).splitlines() == [
    "| recall@10 | semantic                 | personalised             |",
    "|-----------|--------------------------|--------------------------|",
    "| **mine**  | 0.200 [0.400, 0.600]     | **0.500** [0.400, 0.600] |",
    "| third     | -                        | 0.450 [0.400, 0.600]     |",
    "| other     | **0.250** [0.400, 0.600] | 0.300 [0.400, 0.600]     |",
  ]


def test_differences_are_bold_where_their_interval_leaves_out_0(record):
  head, _, *lines = run_page.differences(record).splitlines()
  assert head.split("|")[1].strip() == "mine minus"
  cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
  assert cells == [
    ["other", "**-0.050** [-0.100, -0.010]", "**+0.200** [+0.100, +0.300]"],
    ["third", "-", "+0.050 [-0.010, +0.100]"],
  ]


def test_the_model_is_held_against_the_best_baseline_of_a_kind(record):
  assert run_page.verdicts(record).splitlines() == [
    "- semantic: beside the best baseline, `other`: behind, -0.050 [-0.100, "
    "-0.010]",
    "- personalised: beside the best baseline, `third`: not distinguishable, "
    "+0.050 [-0.010, +0.100]",
  ]


def test_a_lead_is_called_ahead():
  results = [line for line in REPORT["results"] if line["system"] != "third"]
  record = run_record.from_report(REPORT | {"results": results}, "shop")
  assert run_page.verdicts(record).splitlines()[1] == (
    "- personalised: beside the best baseline, `other`: ahead, +0.200 "
    "[+0.100, +0.300]"
  )


def test_without_paired_differences_nothing_is_claimed():
  record = run_record.from_report(
    small_report(results=[row("mine", "semantic"), row("a", "semantic")]), "x"
  )
  assert run_page.differences(record) == ""
  assert "no paired difference is stored" in run_page.verdicts(record)
  assert "Paired" not in run_page.page(record)


def test_a_page_names_the_best_first_and_where_it_came_from(record):
  lines = run_page.page(record).splitlines()
  assert lines[0] == "Best by recall@10: semantic `other`, personalised `mine`."
  assert run_page.figures(record) in run_page.page(record)
  assert run_page.differences(record) in run_page.page(record)
  for line in (
    "- command: `python -m gr_jax.main --config=c.py`",
    "- commit: abc",
    "- seeds: tokenizer 1, generator 2, requests 3",
    "- machine: 1 x cpu; 2.0 minutes in all",
    "- versions: jax 1.2",
  ):
    assert line in lines


def test_a_page_of_unseen_items_shows_them():
  record = run_record.from_report(small_report(), "shop", seen="out")
  text = run_page.page(record)
  assert "| **mine**   | **0.250** [0.400, 0.600] |" in text.splitlines()
  # Nothing is kept of semantic requests without seen items.
  assert "semantic" not in text
  assert "seen items taken out" in text
