"""The page says what the rows say, beside the paper's own figures."""

import re
from xml.etree import ElementTree

import pytest

from experiments.studies import sa2crq_paper, sa2crq_plot, sa2crq_table
from experiments.studies.sa2crq_figures import told
from experiments.studies.sa2crq_measure import SEGMENTS

LABELS = {
  "bm25": "BM25", "tiger": "TIGER", "sa2crq_10": "SA2CRQ, 10 items",
  "half": "[2, 2, 4]",
}  # fmt: skip


def rows(arm, decoding, value, difference):
  return [
    {
      "arm": arm, "requests": "semantic", "decoding": decoding,
      "segment": segment, "metric": metric, "value": value,
      "low": value - 0.1, "high": value + 0.1, "difference": difference,
      "below": difference - 0.1, "above": difference + 0.1, "agreeing": 2,
      "seeds": 3, "compared": 3, "n": 50,
    }
    for segment in SEGMENTS
    for metric in told(decoding, segment)
  ]  # fmt: skip


def ids(length):
  return {
    "ids": 1234.0, "items_per_id": 2.5, "quantiles": [2.0, 3.0, 10.0, 29.0],
    "largest": 40.0, "length_head": 3.0, "length_tail": length,
    "ends_head": [0.0, 0.0, 1.0], "ends_tail": [0.1, 0.4, 0.5],
  }  # fmt: skip


@pytest.fixture
def study():
  return {
    "baseline": "tiger",
    "arms": ["bm25", "tiger", "sa2crq_10"],
    "splits": ["half"],
    "labels": LABELS,
    "beam": 200,
    "config": {"data": {"source": "complete_journey"}},
    "items": 5000,
    "requests": {"semantic": 60},
    "users": 20,
    "ids": {"tiger": ids(4.0), "sa2crq_10": ids(2.4), "half": ids(2.2)},
    "rows": rows("bm25", "catalogue", 0.4, -0.05)
    + rows("tiger", "catalogue", 0.45, 0.0)
    + rows("tiger", "free", 0.44, 0.0)
    + rows("sa2crq_10", "catalogue", 0.6, 0.15)
    + rows("sa2crq_10", "free", 0.5, 0.06),
    "origin": {
      "command": "python -m gr_jax.main", "commit": "abc", "machine": "none",
      "versions": {}, "seeds": [0], "minutes": 1.0,
    },
  }  # fmt: skip


def cells(table, label):
  (line,) = [
    line for line in table.splitlines() if line.startswith(f"| {label} ")
  ]
  return [cell.strip() for cell in line.split("|")[2:-1]]


def test_table_one_has_the_papers_columns_of_a_free_beam(study):
  table = sa2crq_table.paper_table(study, "semantic")
  assert cells(table, "SA2CRQ, 10 items") == ["0.5000"] * 4 + ["0"]
  assert cells(table, "BM25") == ["-"] + ["0.4000"] * 3 + ["0"]
  assert table.count("(head)") == table.count("(tail)") == 2


def test_differences_that_leave_out_zero_are_bold(study):
  table = sa2crq_table.difference_table(study, "semantic", ["recall@10"])
  assert cells(table, "SA2CRQ, 10 items") == [
    "60.0 **+15.0** [+5.0, +25.0] 2/3"
  ]
  assert cells(table, "BM25") == ["40.0 -5.0 [-15.0, +5.0] 2/3"]
  assert cells(table, "TIGER") == ["45.0 [35.0, 55.0]"]


def test_a_floor_has_no_hallucination(study):
  table = sa2crq_table.difference_table(study, "semantic", ["hallucination"])
  assert cells(table, "BM25") == ["-"]
  assert cells(table, "TIGER") == ["44.0 [34.0, 54.0]"]


def test_segments_say_how_many_requests_they_have(study):
  head = sa2crq_table.segment_table(study, "semantic").splitlines()[0]
  for segment in ("head", "tail", "new"):
    assert f"{segment} (50) R@100" in head


def test_table_two_has_splits_and_arms(study):
  table = sa2crq_table.id_table(study)
  assert cells(table, "[2, 2, 4]")[0] == "1,234"
  assert cells(table, "SA2CRQ, 10 items")[-2:] == ["3.00", "2.40"]
  assert "BM25" not in table


def test_the_papers_figures_stand_on_the_page(study):
  page = sa2crq_table.page(study)
  for value in ("0.7231", "914", "0.4288", "1.6597", "2.806"):
    assert value in page
  assert page.endswith("1 minutes.\n")


def test_a_source_has_its_note(study):
  assert "product types" in sa2crq_table.page(study)
  study["config"]["data"]["source"] = "shop_world"
  assert "product types" not in sa2crq_table.page(study)


def test_the_papers_rows_have_its_columns():
  assert all(
    len(row) == len(sa2crq_paper.COLUMNS)
    for row in sa2crq_paper.TABLE_1.values()
  )
  names = {name for name, _ in sa2crq_paper.TABLE_1}
  assert set(sa2crq_paper.SAME.values()) <= names


def test_the_picture_draws_arms_and_says_them_aloud(study):
  picture = sa2crq_plot.picture(study)
  root = ElementTree.fromstring(picture)
  texts = [t.text.strip() for t in root.iter() if t.tag.endswith("text")]
  assert "recall in %, semantic" in texts
  # Beside the lines of four panels, in the legend of the first.
  assert texts.count("SA2CRQ, 10 items") == 5
  spoken = re.search(r'aria-label="([^"]*)"', picture)[1]
  assert "semantic, TIGER 45.0 and 44.0" in spoken
