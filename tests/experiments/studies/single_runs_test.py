"""Claims on single runs are decided by the records that were kept of them."""

import pytest

from experiments.studies import claims, run_record, single_runs
from tests.experiments.studies.run_record_test import small_report
from tests.experiments.studies.study_test import RESULTS


def decided(name, report):
  record = run_record.from_report(report, name)
  return claims.decide(single_runs.of_run(record), record)


def test_a_run_is_compared_with_every_baseline_of_its_table():
  found = decided("cq_sid", small_report())
  assert [(c["claim"], c["metric"], c["verdict"]) for c in found] == [
    ("semantic requests: above bm25", "semantic/recall@10", "met"),
    # Without a paired difference two figures are not compared.
    ("next basket requests: above popularity", "next_basket/recall@10", "open"),
  ]
  first = found[0]
  assert (first["value"], first["low"], first["high"]) == (0.2, 0.1, 0.3)
  assert (first["n"], first["seeds"], first["commit"]) == (40, 1, "abc")


def test_an_interval_with_0_is_no_lead():
  report = small_report()
  (row,) = [r for r in report["results"] if r["system"] == "bm25"]
  row["difference_low"] = -0.01
  assert decided("cq_sid", report)[0]["verdict"] == "missed"


def test_a_run_is_read_from_its_folder(tmp_path):
  folder = tmp_path / "cq_sid"
  folder.mkdir()
  record = run_record.from_report(small_report(), "cq_sid")
  (folder / "table.json").write_text(record.to_json())
  assert single_runs.load_run(folder) == record


@pytest.mark.parametrize("name", single_runs.CLAIMS)
def test_a_run_without_a_table_leaves_its_claims_open(name, tmp_path):
  record = single_runs.load_run(tmp_path / name)
  found = claims.decide(single_runs.of_run(record), record)
  assert found
  assert {claim["verdict"] for claim in found} == {"open"}
  rest = single_runs.COMMANDS.get(name, f"{name}.py")
  command = f"python -m gr_jax.main --config=configs/{rest}"
  assert {claim["command"] for claim in found} == {command}


def test_claims_of_values_are_decided_by_the_published_runs():
  record = single_runs.load_run(RESULTS / "amazon_beauty")
  found = claims.decide(single_runs.CLAIMS["amazon_beauty"], record)
  assert "open" not in {claim["verdict"] for claim in found}
