"""Generators of one token budget, and alignments judged by a known world."""

import pytest

from experiments.studies import genrec, genrec_page
from experiments.studies.record import View, load_record
from tests.experiments.studies.study_test import RESULTS
from tests.reference.small_studies import run_small


@pytest.fixture(scope="module")
def published():
  return load_record(RESULTS / "genrec_claim/table.json")


def test_variants_learn_pages_or_items_and_differ_by_one_thing():
  changes = {name: one.changes for name, one in genrec.GENERATORS.items()}
  pages = changes["page_wise"]
  assert changes["page_wise_clicks"] == pages | {
    "examples.page_wise.max_exposures": 0
  }
  assert changes["page_wise_tokens"] == pages | {
    "generator.prompt_encoder": "flatten_items"
  }
  assert changes["point_wise_alone"] == changes["point_wise"] | {
    "examples.point_wise.targets": 1
  }


def test_budget_and_prefill_stand_on_the_page(published):
  table = genrec_page.pages_table(View(published, "shop_world"))
  assert "| page-wise             | 600" in table
  view = View(published, "shop_world")
  merged = genrec_page.merged_table(view)
  (line,) = [x for x in merged.splitlines() if x.startswith("| page-wise    ")]
  positions, seconds = (cell.strip() for cell in line.split("|")[2:4])
  assert positions == "65"
  figures = view.facts["prefill"]["page_wise"]
  assert float(seconds) == pytest.approx(figures["seconds"], abs=5e-5)


def test_pairs_that_were_not_run_have_no_line(published):
  assert "GRPO" not in genrec_page.pages_table(
    View(published, "complete_journey")
  )
  assert genrec_page.alignment_table(View(published, "complete_journey")) == ""
  assert "GRPO-SR" in genrec_page.alignment_table(View(published, "shop_world"))


@pytest.mark.slow
def test_generators_have_one_budget_of_tokens():
  record, _, _ = run_small("genrec")
  budget = record.worlds["shop_world"]["budget"]
  pages = budget["page_wise"]["tokens"]
  for used in budget.values():
    step = used["tokens"] / used["steps"]
    assert abs(used["tokens"] - pages) <= step / 2 + 1e-6
  assert budget["page_wise"]["steps"] == budget["page_wise_tokens"]["steps"]


@pytest.mark.slow
def test_a_merged_prompt_is_two_positions_an_item():
  record, _, _ = run_small("genrec")
  prefill = record.worlds["shop_world"]["prefill"]
  assert prefill["page_wise"]["positions"] == 1 + 2 * 2
  assert prefill["page_wise_tokens"]["positions"] == 1 + 2 * 3


@pytest.mark.slow
def test_alignment_is_judged_by_the_model_and_by_the_truth():
  record, _, _ = run_small("genrec")
  for metric in ("hallucination", "learned_reward", "true_reward"):
    row = record.find("shop_world", metric, "grpo_sr", "page_wise")
    assert 0 <= row["value"] <= 1
