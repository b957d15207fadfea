"""Variants differ in experts and divergence; hits of clicks and of pages."""

import types

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import eg_grpo_claim as config_file
from experiments.pipeline.align import objective
from experiments.studies import eg_grpo
from experiments.studies.eg_grpo import (
  METRICS,
  VARIANTS,
  align_section,
  hit_columns,
  pages,
  requests,
  run_figures,
)
from experiments.studies.record import View, load_record
from experiments.studies.variant import Run
from gr_jax.data.requests import EXPOSED, TEST, VALID
from gr_jax.rl.losses.grpo import zero_loss
from tests.experiments.studies.study_test import RESULTS
from tests.reference.small_studies import run_small
from tests.reference.small_world import semantic_ids, shop

CONFIG = config_file.get_config()


def section(name, **settings):
  settings = {f"align.optimizer.{key}": x for key, x in settings.items()}
  shop = types.SimpleNamespace(config=CONFIG)
  return align_section(Run(shop, name, VARIANTS[name], 3, settings))


def test_variants_differ_in_experts_and_divergence_alone():
  sections = {
    name: section(name).to_dict() for name in VARIANTS if name.startswith("k")
  }
  experts = {
    name: (one["prompts"].pop("clicked"), one["prompts"].pop("exposed"))
    for name, one in sections.items()
  }
  assert experts["k0"] == experts["k0_free"] == (0, 0)
  assert (experts["k1"], experts["k2"]) == ((1, 0), (2, 0))
  assert (experts["k2_mixed"], experts["k4"]) == ((1, 1), (1, 3))
  assert experts["k2_append"] == experts["k2"]
  weights = {name: one.pop("kl_coef") for name, one in sections.items()}
  assert {name for name, weight in weights.items() if not weight} == {
    "k0_free", "k1_free", "k2_free",
  }  # fmt: skip
  joining = {name: one.pop("experts") for name, one in sections.items()}
  assert {n for n, how in joining.items() if how == "append"} == {"k2_append"}
  names = [one.pop("name") for one in sections.values()]
  assert len(set(names)) == len(names)
  for one in sections.values():
    assert one == sections["k0"]


def test_a_variant_is_aligned_with_what_was_chosen_for_it():
  found = section("k1", learning_rate=0.25)
  assert found.optimizer.learning_rate == 0.25
  assert found.seed == 3
  assert found.name == "eg_grpo_claim k1"
  assert section("k1").optimizer.learning_rate == 2e-4


def test_every_aligned_variant_has_the_same_rates_to_choose_from():
  grids = {name: one.to_dict() for name, one in CONFIG.choices.items()}
  assert grids.keys() == VARIANTS.keys() - {"sft"}
  for one in grids.values():
    assert one == {"align": {"optimizer": {"learning_rate": (1e-4, 2e-4)}}}


def test_the_control_has_positives_and_nothing_else_to_learn():
  found = section("sft_longer")
  assert found.prompts.positives > 0
  aim = objective(found)
  assert (aim.kl_coef, aim.nll_coef) == (0.0, 1.0)
  assert aim.policy_loss is zero_loss


def world(count=2000):
  """As much of a world as requests need."""
  evaluation = {"requests": count, "seed": 0}
  return types.SimpleNamespace(
    data=types.SimpleNamespace(requests=shop().requests),
    config=ConfigDict({"evaluation": evaluation}),
  )


def test_requests_are_clicked_ones_of_the_test_period_once_each():
  rows = requests(world(10))
  assert len(set(rows.tolist())) == 10
  assert (shop().requests.split[rows] == TEST).all()
  np.testing.assert_array_equal(rows, requests(world(10)))


def test_what_is_tried_is_measured_on_the_validation_period():
  rows = requests(world(), "valid")
  assert (shop().requests.split[rows] == VALID).all()
  assert len(rows)


def test_a_page_holds_what_was_clicked_and_what_was_not():
  rows = requests(world())
  found = pages(shop().requests, rows)
  for place, row in enumerate(rows):
    page = slice(*shop().requests.page_offsets[row : row + 2])
    expected = set(shop().requests.page_item[page].tolist())
    assert set(found[place].tolist()) == expected


def test_first_place_ten_places_and_pages_are_kept_apart():
  """Of ten IDs the fourth is clicked, the first was only shown."""
  log, ids = shop().requests, semantic_ids()
  for row in requests(world()):
    page = slice(*log.page_offsets[row : row + 2])
    names = ids.id_of_item[log.page_item[page]]
    liked = names[log.page_kind[page] > EXPOSED]
    shown = np.setdiff1d(names, liked)
    if len(shown):
      break
  others = np.setdiff1d(np.arange(ids.num_ids), names)[:10]

  def columns(**places):
    ranked = others.copy()
    for place, name in places.items():
      ranked[int(place[1:])] = name
    found = hit_columns(ranked[None], log, np.array([row]), ids)
    return {name: bool(hits[0]) for name, hits in found.items()}

  none, both = columns(), columns(p0=shown[0], p3=liked[0])
  assert not any(none.values())
  assert both == {"click@1": False, "click@10": True, "exposure@10": True}
  assert columns(p0=liked[0])["click@1"]
  assert columns(p9=shown[0]) == none | {"exposure@10": True}


def test_a_run_is_noted_by_its_medians_and_its_ends():
  rows = [
    {"step": 0, "eval/hit_rate@10": 0.5},
    *(
      {
        "align/equal_groups": equal,
        "align/rollout_seconds": 1.0,
        "align/update_seconds": 2.0,
        "align/reward": equal,
      }
      for equal in (0.1, 0.5, 0.2)
    ),
  ]
  found = run_figures(rows)
  assert found["equal_groups"] == 0.2
  assert (found["reward_first"], found["reward_last"]) == (0.1, 0.2)
  assert "kl_last" not in found


@pytest.fixture(scope="module")
def published():
  return load_record(RESULTS / "eg_grpo_claim/table.json")


def test_runs_have_equal_groups_and_leave_the_control_out(published):
  view = View(published, "shop_world")
  table, figures = eg_grpo.run_table(view), view.facts["runs"]["k2"]
  (line,) = [x for x in table.splitlines() if "K = 2: two clicks  " in x]
  _, equal, reward, kl = (cell.strip() for cell in line.split("|")[1:-1])
  assert float(equal.rstrip("%")) == pytest.approx(
    100 * figures["equal_groups"], abs=0.05
  )
  rewards = figures["reward_first"], figures["reward_last"]
  assert [float(x) for x in reward.split(" to ")] == pytest.approx(
    rewards, abs=5e-4
  )
  assert float(kl) == pytest.approx(figures["kl_last"], abs=5e-5)
  assert "further" not in table


def test_the_page_has_steps_and_baselines(published):
  text = " ".join(eg_grpo.method(published).split())
  for part in ("200 steps of 64", "groups of 8"):
    assert part in text
  tables = eg_grpo.hit_tables(View(published, "large_shop"))
  assert tables.count("Difference to") == 2
  assert "K = 0, no KL" not in tables


@pytest.mark.slow
def test_every_variant_has_every_metric_against_each_baseline():
  record, _, _ = run_small("eg_grpo")
  assert len(record.rows) == 2 * 4 * len(METRICS)


@pytest.mark.slow
def test_one_generator_per_seed_is_shared_by_the_variants():
  _, work, _ = run_small("eg_grpo")
  assert len(list(work.rglob("generator/manifest.json"))) == 2
  # Three variants: two seeds, and the first one with the other rate as well.
  assert len(list(work.rglob("alignment/manifest.json"))) == 3 * 3


@pytest.mark.slow
def test_all_variants_had_two_trials_and_all_seeds_have_the_best():
  record, work, _ = run_small("eg_grpo")
  found = record.worlds["shop_world"]["choices"]
  assert found.keys() == {"sft_longer", "k0", "k2"}
  for name, one in found.items():
    keys = [
      (each["figures"]["click@10"], each["figures"]["click@1"])
      for each in one["trials"]
    ]
    assert len(keys) == 2
    assert keys[one["chosen"]] == max(keys)
    chosen = one["trials"][one["chosen"]]["settings"]
    rate = chosen["align.optimizer.learning_rate"]
    folder = name if rate == 2e-4 else f"{name},learning_rate={rate}"
    for seed in (0, 1):
      assert (work / f"shop_world/seed_{seed}/{folder}/hits").is_dir()
  text = (work / "table.md").read_text()
  assert "best of 2 trials" in text


@pytest.mark.slow
def test_the_control_draws_nothing_from_the_policy():
  record, _, _ = run_small("eg_grpo")
  runs = record.worlds["shop_world"]["runs"]
  assert runs.keys() == {"sft_longer", "k0", "k2"}
  assert "kl_last" not in runs["sft_longer"]
  assert 0 <= runs["k2"]["equal_groups"] <= 1
