"""Numbers of a page are found, and written again in their form."""

import pytest

from tools.pages import printed


def texts(page, ignored=()):
  return [figure.text for figure in printed.figures(page, ignored)]


@pytest.mark.parametrize(
  ("page", "found"),
  [
    ("it is 0.681 [0.660, 0.701] here", ["0.681 [0.660, 0.701]"]),
    ("**+0.65** [+0.10,\n+1.20]", ["+0.65** [+0.10,\n+1.20]"]),
    ("| 31.7 % | -1.4 [-3.0, +0.0] |", ["31.7 %", "-1.4 [-3.0, +0.0]"]),
    ("1,431 requests of 22", ["1,431", "22"]),
    ("it ends with 3. And 4, 5", ["3", "4", "5"]),
    ("4/5 or 32-34", ["4", "5", "32", "34"]),
    ("0.10.2", ["0.10", "2"]),
    ("7654321 and commit 2009c79", ["7654321"]),
  ],
)
def test_numbers_are_found_with_their_intervals(page, found):
  assert texts(page) == found


@pytest.mark.parametrize(
  "page",
  [
    "`lr=0.1` and\n```\nx = 3\n```\n    --steps=5\n<!-- 7\n8 -->",
    "[a page](docs/2.md)",
    "`a command\nof two lines --cores=1`",
    "float32, nDCG@10, v5e, 2x4",
    "arXiv 2605.14434, 2604.14878",
    "95 % intervals and a 95 % bootstrap interval",
    "hits at 1, at 10 and at\n100",
    "commits 71e09cb and 966f6bb14f95",
  ],
)
def test_what_measures_nothing_is_left_out(page):
  assert texts(page) == []


def test_code_ends_with_its_paragraph():
  assert texts("a ` alone\n\n3 of them ` here") == ["3"]


def test_a_phrase_is_left_out_wherever_its_lines_break():
  page = "with 4\nlayers of 256, 4 seconds"
  assert texts(page, ["4 layers of 256"]) == ["4"]
  # No part of a longer number.
  assert texts("14 layers of 256", ["4 layers of 256"]) == ["14", "256"]


def test_a_number_at_a_cutoff_that_no_metric_has_is_a_figure():
  assert texts("at 12, at 10.5, at 10 % and at 1,000") == [
    "12", "10.5", "10 %", "1,000",
  ]  # fmt: skip


@pytest.mark.parametrize(
  ("page", "values", "signed", "written"),
  [
    ("0.681 [0.660, 0.701]", (0.5, 0.25, 1), False, "0.500 [0.250, 1.000]"),
    ("**+0.65** [+0.10,\n+1.20]", (2, -1, 3), True, "+2.00** [-1.00,\n+3.00]"),
    ("31.7 %", (12.34, None, None), False, "12.3 %"),
    ("1,431", (22363.0, None, None), False, "22,363"),
    ("22 [19, 26]", (7.6, 1.2, 10.0), False, "8 [1, 10]"),
  ],
)
def test_other_values_have_the_same_form(page, values, signed, written):
  (figure,) = printed.figures(page)
  assert figure.with_values(values, signed) == written
  assert page[figure.start : figure.end] == figure.text


def test_an_interval_that_is_printed_has_to_be_there():
  (figure,) = printed.figures("0.681 [0.660, 0.701]")
  with pytest.raises(ValueError, match="no interval"):
    figure.with_values((0.5, None, None), signed=False)
