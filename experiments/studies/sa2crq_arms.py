"""The arms of the SA2CRQ study, as its config says them.

An arm is a tokenizer section and a generator section of the config, each with a
few values of its own; everything else is shared, so an arm differs from its
neighbour by what its lines in the config say.
"""

from collections.abc import Mapping

from ml_collections import ConfigDict

from experiments import dsi, rq_kmeans, rq_vae, sa2crq
from experiments.pipeline.tokenize import FitTokenizer
from gr_jax.choices import choose

TOKENIZERS: Mapping[str, FitTokenizer] = {
  "dsi": dsi.fit,
  "rq_kmeans": rq_kmeans.fit,
  "rq_vae": rq_vae.fit,
  "sa2crq": sa2crq.fit,
}
BASELINES = ("bm25", "dpr")


def check(config: ConfigDict) -> None:
  """Finds what no arm can be made from before the first one is.

  Raises:
    ValueError: an unknown arm or tokenizer, a baseline that is not run, or one
      that lacks a seed of DPR.
  """
  for name in (*config.arms, *config.splits):
    recipe = choose("arms", name, config.recipes)
    if recipe.same_as:
      choose(f"recipes.{name}.same_as", recipe.same_as, config.recipes)
    if name not in BASELINES:
      key = f"recipes.{name}.tokenizer"
      choose(key, recipe.tokenizer, TOKENIZERS)
  if config.baseline not in generators(config):
    raise ValueError(
      f"baseline is {config.baseline!r}, which is not among the arms: "
      f"{', '.join(generators(config))}."
    )
  mine = set(config.recipes[config.baseline].seeds)
  lacking = set(config.recipes.dpr.seeds) - mine
  if "dpr" in config.arms and lacking:
    raise ValueError(
      f"recipes.dpr has seed {min(lacking)}, which {config.baseline} lacks, "
      "whose prompts it reads."
    )


def generators(config: ConfigDict) -> list[str]:
  """The arms that are no baselines."""
  return [name for name in config.arms if name not in BASELINES]


def runs(config: ConfigDict) -> list[tuple[int, str]]:
  """`(seed, arm)`, seed by seed: what is cut off has whole comparisons.

  The baseline is the first of its seed; DPR reads what it leaves.
  """
  seeds = {s for name in config.arms for s in config.recipes[name].seeds}
  first = sorted(config.arms, key=lambda name: name != config.baseline)
  return [
    (seed, name)
    for seed in sorted(seeds)
    for name in first
    if seed in config.recipes[name].seeds
  ]


def labels(config: ConfigDict) -> dict[str, str]:
  """Names for people, in the order of the tables."""
  names = (*config.arms, *config.splits)
  return {name: config.recipes[name].label for name in names}


def tokenizer_section(config: ConfigDict, name: str, *, seed: int):
  """The tokenizer section of an arm and seed."""
  recipe = config.recipes[name]
  section = ConfigDict(config.tokenizers[recipe.tokenizer].to_dict())
  section.update(recipe.tokenizer_changes)
  section.seed = seed
  return section


def generator_section(config: ConfigDict, name: str, *, seed: int):
  """The generator section of an arm and seed."""
  section = ConfigDict(config.generator.to_dict())
  section.update(config.recipes[name].generator_changes)
  section.seed = seed
  return section


def evaluation_section(config: ConfigDict, name: str) -> ConfigDict:
  """What an arm is asked."""
  section = ConfigDict(config.evaluation.to_dict())
  section.beam = config.recipes[name].beam or section.beam
  return section
