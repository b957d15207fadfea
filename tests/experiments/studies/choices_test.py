"""Every variant is tried equally often, and the best is taken."""

import types

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.studies import choices
from experiments.studies.study import load_study
from experiments.studies.variant import Variant
from tests.reference.small_studies import CONFIGS

VARIANTS = {name: Variant(name) for name in ("sft", "grpo", "grpo_sr")}


def config(**grids):
  grids = {name: {"align": grid} for name, grid in grids.items()}
  align = {"kl_coef": 0.1, "rate": 1.0}
  sections = {"align": align, "choices": grids, "seeds": (4, 5)}
  return ConfigDict(sections | {"evaluation": {"requests": 2}})


def choose(measured, **grids):
  """`measured` gives hits of a rate and of a coefficient."""
  runs = []

  def measure(run):
    runs.append(run)
    section = run.config.align
    return {
      name: np.array([x, np.nan, x])
      for name, x in measured(section.rate, section.kl_coef).items()
    }

  world = types.SimpleNamespace(config=config(**grids), name="shop")
  found = choices.choose(world, VARIANTS, measure, ("hits@10", "hits@1"))
  return *found, runs


GRID = {"kl_coef": (0.1, 0.2), "rate": (1.0, 2.0, 3.0)}


def test_all_combinations_of_a_grid_are_tried():
  assert choices.grid({"align": GRID}) == [
    {"align.kl_coef": kl, "align.rate": rate}
    for kl in (0.1, 0.2)
    for rate in (1.0, 2.0, 3.0)
  ]


def test_the_best_on_the_validation_period_is_taken_with_all_trials_kept():
  settings, facts, runs = choose(
    lambda rate, kl: {"hits@10": rate * kl, "hits@1": 0.0}, grpo=GRID
  )
  assert settings == {"grpo": {"align.kl_coef": 0.2, "align.rate": 3.0}}
  assert facts["grpo"]["chosen"] == 5
  assert [one["figures"]["hits@10"] for one in facts["grpo"]["trials"]] == (
    pytest.approx([0.1, 0.2, 0.3, 0.2, 0.4, 0.6])
  )
  assert {run.split for run in runs} == {"valid"}
  assert {run.config.evaluation.split for run in runs} == {"valid"}
  assert {run.seed for run in runs} == {4}


def test_the_second_metric_decides_between_equals_and_then_the_first_trial():
  def measured(rate, kl):
    return {"hits@10": 0.5, "hits@1": min(rate, 2) - kl}

  assert choose(measured, grpo=GRID)[0]["grpo"] == {
    "align.kl_coef": 0.1, "align.rate": 2.0,
  }  # fmt: skip
  same = choose(lambda rate, kl: {"hits@10": 1.0, "hits@1": 1.0}, grpo=GRID)
  assert same[1]["grpo"]["chosen"] == 0


def test_a_variant_without_a_grid_has_no_trial():
  settings, facts, runs = choose(lambda rate, kl: {})
  assert (settings, facts, runs) == ({}, {}, [])


def test_unequal_numbers_of_trials_are_refused():
  unfair = config(grpo=GRID, grpo_sr={"rate": (1.0, 2.0)})
  with pytest.raises(ValueError, match=r"grpo 6, grpo_sr 2.*equally many"):
    choices.check(unfair, VARIANTS)
  choices.check(config(grpo=GRID, grpo_sr=GRID), VARIANTS)


def test_a_grid_of_what_is_no_variant_is_named():
  with pytest.raises(ValueError, match=r"'k9'.*sft, grpo"):
    choices.check(config(k9=GRID), VARIANTS)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("preset", ["", "tiny"])
def test_grids_of_every_study_are_fair_and_of_values_that_there_are(
  name, preset
):
  study, config = load_study(name), CONFIGS[name].get_config(preset)
  variants = study.variants(config)
  choices.check(config, variants)
  for variant, section in config.get("choices", {}).items():
    assert study.chosen_by
    for settings in choices.grid(section):
      # An unknown key would be a KeyError of its section.
      for path in settings:
        *sections, key = path.split(".")
        found = config
        for part in sections:
          found = found[part]
        assert key in found, (variant, path)


def test_alignments_of_one_study_have_equally_many_trials():
  grids = CONFIGS["genrec"].get_config().choices
  assert set(grids) == {"grpo", "grpo_sr", "without_gate", "tight_gate"}
  for section in grids.values():
    assert len(choices.grid(section)) == 6
