"""Every recipe has its presets, and nothing of one leaks into another."""

import importlib
import pathlib

import pytest

from configs import retrieval

RECIPES = (
  "cq_sid",
  "rq_vae",
  "rq_kmeans",
  "sa2crq",
  "sarq",
  "acrq",
  "own_data",
  "amazon_beauty",
  "eg_grpo",
  "genrec",
)
SIZES = ("", "tiny", "paper")


def config_of(recipe: str, preset: str = ""):
  return importlib.import_module(f"configs.{recipe}").get_config(preset)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("preset", SIZES)
def test_a_recipe_names_its_experiment_and_itself(recipe, preset):
  config = config_of(recipe, preset)
  assert config.name == recipe
  experiment = importlib.import_module(f"experiments.{config.experiment}")
  assert callable(experiment.run)
  experiment.settings(config.tokenizer)


@pytest.mark.parametrize("recipe", RECIPES)
def test_presets_grow(recipe):
  tiny, default, paper = (
    config_of(recipe, preset) for preset in ("tiny", "", "paper")
  )
  widths = [c.generator.model.width for c in (tiny, default, paper)]
  assert widths == sorted(set(widths))
  steps = [c.generator.loop.steps for c in (tiny, default, paper)]
  assert steps == sorted(set(steps))


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_unknown_preset_is_told_with_the_known_ones(recipe):
  with pytest.raises(ValueError, match=r"unknown preset 'huge'.*tiny, paper"):
    config_of(recipe, "huge")


def test_a_config_is_not_shared_with_the_next_call():
  config_of("cq_sid", "tiny").generator.loop.steps = 7
  assert config_of("cq_sid", "tiny").generator.loop.steps != 7


@pytest.mark.parametrize("recipe", ["own_data", "amazon_beauty"])
def test_a_source_without_baskets_pairs_neighbours(recipe):
  config = config_of(recipe)
  assert config.data.to_dict().keys() == {"source", "path"}
  assert config.vectors.history_window > 0
  assert retrieval.base("").vectors.history_window == 0


def test_every_recipe_tells_its_command():
  for recipe in RECIPES:
    module = importlib.import_module(f"configs.{recipe}")
    name = pathlib.Path(module.__file__).name
    assert f"--config=configs/{name}" in module.__doc__
