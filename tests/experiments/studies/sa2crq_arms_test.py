"""An arm differs from its neighbour by what the config says of it."""

import pytest

from configs import sa2crq_claim
from experiments.studies import sa2crq_arms


def config():
  return sa2crq_claim.get_config()


@pytest.mark.parametrize("preset", sa2crq_claim.PRESETS)
def test_every_preset_has_arms_that_can_be_made(preset):
  found = sa2crq_claim.get_config(preset)
  sa2crq_arms.check(found)
  assert found.baseline == sa2crq_arms.runs(found)[0][1]


def test_quantizers_share_generator_autoencoder_and_steps():
  found = config()
  generators, autoencoders = [], []
  for name in sa2crq_arms.generators(found):
    recipe = found.recipes[name]
    if recipe.same_as:
      continue
    if recipe.tokenizer != "dsi":
      section = sa2crq_arms.generator_section(found, name, seed=1)
      generators.append(section.to_dict())
    if recipe.tokenizer in ("rq_vae", "sa2crq"):
      section = sa2crq_arms.tokenizer_section(found, name, seed=1)
      autoencoders.append(section.vae.to_dict() | {"levels": ()})
  assert all(one == generators[0] for one in generators)
  assert all(one == autoencoders[0] for one in autoencoders)
  assert generators[0]["seed"] == 1


def test_budgets_are_all_that_three_arms_differ_by():
  found = config()
  sections = [
    sa2crq_arms.tokenizer_section(found, f"sarq_{tau}", seed=0).to_dict()
    for tau in sa2crq_claim.TAUS
  ]
  budgets = [section.pop("tau_items") for section in sections]
  assert budgets == [(5.0, 5.0), (10.0, 10.0), (20.0, 20.0)]
  assert sections[0] == sections[1] == sections[2]


def test_tiger_is_the_rq_vae_with_numbers():
  found = config()
  tiger, plain = (
    sa2crq_arms.tokenizer_section(found, name, seed=0).to_dict()
    for name in ("tiger", "rq_vae")
  )
  assert tiger == plain | {"collisions": "suffix"}


def test_the_shared_sections_are_left_alone():
  found = config()
  before = found.to_dict()
  sa2crq_arms.tokenizer_section(found, "rq_vae_2", seed=5)
  sa2crq_arms.generator_section(found, "nci", seed=5)
  assert found.to_dict() == before


def test_the_baseline_is_made_first_and_seeds_follow_each_other():
  runs = sa2crq_arms.runs(config())
  assert [seed for seed, _ in runs] == sorted(seed for seed, _ in runs)
  first = [runs.index((seed, "tiger")) for seed in sa2crq_claim.SEEDS]
  for seed, place in zip(sa2crq_claim.SEEDS, first):
    assert all(one == seed for one, _ in runs[place : place + 2])
    assert place == 0 or runs[place - 1][0] < seed


def test_a_wider_beam_asks_the_same_generator():
  found = config()
  wide = found.recipes.tiger_wide
  assert wide.same_as == "tiger"
  narrow = sa2crq_arms.evaluation_section(found, "tiger").to_dict()
  asked = sa2crq_arms.evaluation_section(found, "tiger_wide").to_dict()
  assert asked == narrow | {"beam": wide.beam}
  assert wide.beam > narrow["beam"]


@pytest.mark.parametrize(
  ("key", "value", "message"),
  [
    ("arms", ("tiger", "sarq_11"), r"'sarq_11'.*sarq_10"),
    ("splits", ("third",), "'third'"),
    ("baseline", "bm25", "baseline is 'bm25'.*tiger"),
  ],
)
def test_what_is_not_there_is_told(key, value, message):
  found = config()
  found[key] = value
  with pytest.raises(ValueError, match=message):
    sa2crq_arms.check(found)


def test_dpr_needs_the_prompts_of_its_seed():
  found = config()
  found.recipes.tiger.seeds = (0,)
  with pytest.raises(ValueError, match="seed 1, which tiger lacks"):
    sa2crq_arms.check(found)


def test_an_unknown_tokenizer_is_told_with_its_key():
  found = config()
  found.recipes.tiger.tokenizer = "rq_vea"
  with pytest.raises(ValueError, match=r"recipes\.tiger\.tokenizer.*rq_vae"):
    sa2crq_arms.check(found)
