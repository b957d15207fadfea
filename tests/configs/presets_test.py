"""Every recipe has its presets, and nothing of one leaks into another."""

import importlib
import pathlib

import pytest

from configs import retrieval
from gr_jax.tokenizers.build import settings

# Of judged collections: a preset may begin with a system.
JUDGED = ("scifact", "home_depot")
# Sections that recipes share.
_PARTS = (
  "__init__",
  "retrieval",
  "judged",
  "study",
  "never_lose",
  "pretrained",
)
# Of rankers, which have no IDs.
_RANKERS = ("hstu", "ultra_hstu")
# Of flow models, with presets of their own.
_PICTURES = ("flow_pictures", "sol_rl")
RECIPES = tuple(
  path.stem
  for path in sorted(pathlib.Path(retrieval.__file__).parent.glob("*.py"))
  if path.stem not in (*_PARTS, *_RANKERS, *_PICTURES, *JUDGED)
  and not path.stem.endswith("_claim")
)
SIZES = ("", "tiny", "paper")


def config_of(recipe: str, preset: str = ""):
  return importlib.import_module(f"configs.{recipe}").get_config(preset)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("preset", SIZES)
def test_a_recipe_names_its_experiment_and_itself(recipe, preset):
  config = config_of(recipe, preset)
  # Own data says nothing of the system.
  assert config.name == {"own_data": "model"}.get(recipe, recipe)
  experiment = importlib.import_module(f"experiments.{config.experiment}")
  assert callable(experiment.run)
  settings(config.tokenizer)


@pytest.mark.parametrize("recipe", _RANKERS)
def test_a_ranker_has_the_presets_too(recipe):
  sizes = []
  for preset in ("tiny", "", "paper"):
    config = config_of(recipe, preset)
    assert config.name == recipe
    if recipe == "hstu":
      part = config.hstu
      length = part.length
    else:
      part = config.ranker
      length = part.examples.length
    model = part.model
    sizes.append((model.width * model.layers, length, part.loop.steps))
  assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("recipe", RECIPES)
def test_presets_grow(recipe):
  tiny, default, paper = (
    config_of(recipe, preset) for preset in ("tiny", "", "paper")
  )
  models = [c.generator.model for c in (tiny, default, paper)]
  # What is None follows from the data.
  sizes = [m.width * m.layers for m in models if m.width is not None]
  assert sizes == sorted(set(sizes))
  steps = [c.generator.loop.steps for c in (tiny, default, paper)]
  steps = [number for number in steps if number is not None]
  assert steps == sorted(set(steps))


@pytest.mark.parametrize("recipe", JUDGED)
def test_a_judged_collection_is_searched_by_every_baseline(recipe):
  for system in ("dsi", "nci", "tiger"):
    config = config_of(recipe, f"{system},tiny")
    assert config.name == system
    alone = config_of(system, "tiny")
    assert config.tokenizer == alone.tokenizer
    assert config.generator.model == alone.generator.model
    assert config.generator.network == alone.generator.network
    assert config.data.augment.pseudo > 0
    assert config.dual_encoder.training.steps > 0
  assert config_of(recipe).name == "dsi"
  assert config_of(recipe, "tiny") == config_of(recipe, "dsi,tiny")


@pytest.mark.parametrize("recipe", JUDGED)
@pytest.mark.parametrize("words", ["dsi,nci", "tiny,paper", "nci,huge"])
def test_a_preset_names_one_system_and_one_size(recipe, words):
  with pytest.raises(ValueError, match=r"unknown preset.*tiny, paper"):
    config_of(recipe, words)


@pytest.mark.parametrize("recipe", RECIPES + JUDGED)
def test_an_unknown_preset_names_the_known_ones(recipe):
  with pytest.raises(ValueError, match=r"unknown preset 'huge'.*tiny, paper"):
    config_of(recipe, "huge")


def test_a_config_is_not_shared_with_the_next_call():
  config_of("cq_sid", "tiny").generator.loop.steps = 7
  assert config_of("cq_sid", "tiny").generator.loop.steps != 7


@pytest.mark.parametrize("recipe", ["own_data", "amazon_beauty"])
def test_the_data_says_whether_it_has_baskets(recipe):
  config = config_of(recipe)
  assert config.data.to_dict().keys() >= {"source", "path"}
  assert config.vectors.history_window == -1
  assert retrieval.base("").vectors.history_window == 0


def test_every_recipe_shows_its_command():
  for recipe in RECIPES + JUDGED:
    module = importlib.import_module(f"configs.{recipe}")
    name = pathlib.Path(module.__file__).name
    assert f"--config=configs/{name}" in module.__doc__
