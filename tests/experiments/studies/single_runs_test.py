"""Single runs are read from the tables that were kept of them."""

import pytest

from experiments.studies import claims, single_runs
from tests.experiments.studies.study_test import RESULTS

TABLE = """\
| recall@10 | semantic | next basket |
|---|---|---|
| **mine** | 0.618 [0.597, 0.638] | 0.184 [0.170, 0.198] |
| bm25 | 0.560 [0.537, 0.581] | - |

Item level, seen items kept, up to 2,000 requests of the test period.

- command: `a command`
- commit: abc
- machine: 1 x cpu, 2 cores; 8.4 minutes in all
"""


@pytest.fixture
def record(tmp_path):
  (tmp_path / "table.md").write_text(TABLE)
  return single_runs.load_run(tmp_path)


def test_figures_and_origin_are_those_of_the_table(record):
  (world,) = record.worlds
  row = record.find(world, "semantic/recall@10", "mine")
  assert [row[n] for n in ("value", "value_low", "value_high")] == [
    0.618, 0.597, 0.638,
  ]  # fmt: skip
  assert (row["n"], row["seeds"]) == (2000, 1)
  assert record.find(world, "next_basket/recall@10", "bm25") is None
  assert record.origin == {
    "command": "a command", "commit": "abc", "machine": "1 x cpu, 2 cores",
  }  # fmt: skip


def test_intervals_that_overlap_are_not_apart(record):
  (world,) = record.worlds
  row = record.find(world, "semantic/recall@10", "mine", "bm25")
  assert row["difference"] == pytest.approx(0.618 - 0.560)
  # The lower end of the one is beyond the upper end of the other.
  assert row["low"] == pytest.approx(0.597 - 0.581)
  back = record.find(world, "semantic/recall@10", "bm25", "mine")
  assert (back["low"], back["high"]) == (-row["high"], -row["low"])


def test_a_run_without_a_table_leaves_its_claims_open(tmp_path):
  record = single_runs.load_run(tmp_path / "scifact")
  found = claims.decide(single_runs.CLAIMS["scifact"], record)
  assert found
  assert {claim["verdict"] for claim in found} == {"open"}


def test_the_published_runs_have_what_their_claims_name():
  for name in ("cq_sid", "amazon_beauty"):
    record = single_runs.load_run(RESULTS / name)
    found = claims.decide(single_runs.CLAIMS[name], record)
    assert sum(claim["verdict"] == "open" for claim in found) <= 1
