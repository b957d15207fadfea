"""Variants differ in what explores; hits at three places."""

import numpy as np
import pytest

from configs import fp4_claim as config_file
from experiments.pipeline.align import objective
from experiments.studies.eg_grpo import align_section
from experiments.studies.fp4 import METRICS, VARIANTS, run_figures
from experiments.studies.fp4_paper import GROUP, SERVED, SFT
from experiments.studies.variant import Run
from tests.reference.small_studies import run_small

CONFIG = config_file.get_config()


def section(name):
  class Shop:
    config = CONFIG

  return align_section(Run(Shop(), name, VARIANTS[name], 3, {}))


def test_variants_differ_in_what_explores_alone():
  aligned = [name for name in VARIANTS if name not in (SFT, SERVED)]
  assert tuple(aligned) == config_file.ALIGNED
  sections = {name: section(name).to_dict() for name in aligned}
  explores = {name: one.pop("explore") for name, one in sections.items()}
  names = [one.pop("name") for one in sections.values()]
  assert len(set(names)) == len(names)
  assert all(one == sections[GROUP] for one in sections.values())
  assert explores[GROUP]["candidates"] == 0
  assert {
    (each["candidates"], each["weights"], each["products"])
    for name, each in explores.items()
    if name != GROUP
  } == {
    (32, "", "w4a16"),
    (32, "nvfp4", "w4a16"),
    (32, "nvfp4", "w4a4"),
    (32, "mxfp4", "w4a16"),
    (32, "int4", "w4a16"),
  }
  for name in aligned:
    objective(section(name))


def test_figures_of_a_run_have_its_gap_where_it_explores():
  row = {
    "align/equal_groups": 0.2,
    "align/rollout_seconds": 1.0,
    "align/update_seconds": 2.0,
    "align/reward": 0.3,
    "align/reward_spread": 0.4,
    "align/kl": 0.1,
  }
  assert "gap" not in run_figures([row])
  found = run_figures(
    [
      row | {"align/explorer_gap": gap, "align/explorer_gap_p95": 3 * gap}
      for gap in (0.1, 0.01, 0.02)
    ]
  )
  assert found["gap"] == 0.02
  assert found["gap_p95"] == pytest.approx(0.06)
  assert found["spread"] == 0.4


@pytest.mark.slow
def test_every_variant_has_every_metric_and_the_facts_of_its_claims():
  record, _, _ = run_small("fp4")
  metrics = {row["metric"] for row in record.rows}
  assert metrics == set(METRICS)
  facts = record.worlds["shop_world"]
  assert 0.5 < facts["served"]["served"]["bytes"] < 0.6
  assert facts["runs"]["w4a4"]["gap"] > 0
  assert facts["runs"].keys() == {"group", "w4a4"}
  assert np.isfinite([row["value"] for row in record.rows]).all()
