"""A page is filled from the tables, or says what has no source."""

import json

import pytest

from experiments.studies import run_page
from experiments.studies.record import load_record
from tests.experiments.studies.run_record_test import small_report
from tools import publish_report
from tools.pages import filled

PAGE = """\
# The shop

It hits 0.9 [0.1, 0.2] of them at 10, {change} points, in 4 layers.

<!-- figures, in the order of the text:
mine: shop semantic/recall@10
mine - bm25: shop semantic/recall@10 %
no measurements:
a setting: 4 layers
-->
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
  folder = tmp_path_factory.mktemp("results")
  path = folder / "report.json"
  path.write_text(json.dumps(small_report()))
  publish_report.main([f"--report={path}", f"--output={folder / 'shop'}"])
  return folder


def test_figures_are_those_of_the_table_in_their_form(results):
  text = filled.fill(PAGE.format(change="+1.0"), results)
  assert "hits 0.5 [0.4, 0.6] of them at 10, +20.0 points, in 4" in text
  assert filled.fill(text, results) == text


@pytest.mark.parametrize(
  ("change", "filled_in"), [("7", "20"), ("+7", "+20"), ("-7", "+20")]
)
def test_a_difference_has_a_sign_where_it_had_one(results, change, filled_in):
  text = filled.fill(PAGE.format(change=change), results)
  assert f", {filled_in} points" in text


def test_a_figure_that_is_no_difference_has_no_plus(results):
  page = PAGE.format(change="7").replace("hits 0.9", "hits +0.9")
  assert "hits 0.5 [0.4, 0.6]" in filled.fill(page, results)


@pytest.mark.parametrize(
  ("old", "new", "message"),
  [
    ("in 4 layers.", "in 4 layers, 5 of them", "left over: 5"),
    ("It hits", "Of 7 it hits", "they part at '7'"),
    (", +20.0 points", "", "left over: mine - bm25"),
    ("in 4 layers.", "", "'4 layers' .a setting. stands nowhere"),
    ("a setting: 4", ": 4", "'4 layers' .. stands nowhere"),
    ("mine: shop", "yours: shop", "no stored table has 'yours"),
    ("shop semantic/recall@10 %", "shop.origin.minutes", "no stored table"),
  ],
)
def test_what_has_no_source_is_named(results, old, new, message):
  text = filled.fill(PAGE.format(change="+1.0"), results)
  assert old in text
  with pytest.raises(ValueError, match=message):
    filled.fill(text.replace(old, new), results)


def test_a_page_without_addresses_has_no_figures(results):
  filled.fill("# Words alone, at 10\n", results)
  with pytest.raises(ValueError, match="1 figures and 0 addresses"):
    filled.fill("It takes 3 seconds.\n", results)


def test_a_block_holds_the_table_of_a_run(results):
  page = f"<!-- table: shop -->\nold 9.9\n<!-- end -->\n{PAGE}"
  text = filled.fill(page.format(change="+1.0"), results)
  record = load_record(results / "shop" / "table.json")
  assert run_page.figures(record) in text
  assert run_page.verdicts(record) in text
  assert "9.9" not in text
  assert filled.fill(text, results) == text
