"""Settings that are chosen on the validation period, for all variants alike.

`config.choices` has a grid per variant, as sections of the config whose values
are those to try:

  choices.grpo.align.kl_coef = (0.04, 0.2, 1.0)
  choices.grpo.align.optimizer.learning_rate = (1e-4, 2e-4)

Every combination is made with the first seed and measured on the validation
period; the best is what all seeds of the variant have. Variants with a grid
have equally many trials, so none is the better for having been looked at more
often. Variants without have no settings of their own.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.studies import paired
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World
from gr_jax.progress_bar import tracked

# Variant to the settings that it has by their path.
Settings = dict[str, Mapping[str, Any]]


def grid(section: Mapping[str, Any]) -> list[dict[str, Any]]:
  """All combinations of the values of a section, by their path."""
  values = dict(_leaves(section))
  return [
    dict(zip(values, each)) for each in itertools.product(*values.values())
  ]


def _leaves(section: Mapping[str, Any], prefix: str = ""):
  for key, value in section.items():
    if isinstance(value, (Mapping, ConfigDict)):
      yield from _leaves(value, f"{prefix}{key}.")
    else:
      yield f"{prefix}{key}", value


def check(config: ConfigDict, variants: Mapping[str, Variant]) -> None:
  """Finds an unfair grid before the first variant is made.

  Raises:
    ValueError: An unknown variant, or grids of different sizes.
  """
  grids = config.get("choices", {})
  unknown = [name for name in grids if name not in variants]
  if unknown:
    raise ValueError(
      f"choices has {unknown[0]!r}, which is no variant; there are: "
      f"{', '.join(variants)}."
    )
  sizes = {name: len(grid(section)) for name, section in grids.items()}
  if len(set(sizes.values())) > 1:
    counts = ", ".join(f"{name} {size}" for name, size in sizes.items())
    raise ValueError(
      f"choices gives variants different numbers of trials ({counts}); give "
      "each equally many."
    )


def choose(
  world: World,
  variants: Mapping[str, Variant],
  measure: Callable[[Run], paired.Columns],
  metrics: Sequence[str],
) -> tuple[Settings, dict[str, dict]]:
  """The best settings of every variant that has a grid, and all trials.

  Args:
    world: Its `config.choices` has the grids, its first seed is tried.
    variants: Those that the world compares.
    measure: The columns of a run.
    metrics: What is to be highest on the validation period, the mean over its
      requests; a later one decides between trials that are equal so far, the
      earlier trial where all are.

  Returns:
    The settings, and per variant `trials` (`settings` and their figures) and
    `chosen`, the number of the best.
  """
  settings, facts = {}, {}
  grids = world.config.get("choices", {})
  tried = [name for name in variants if name in grids]
  for name in tracked(tried, f"{world.name}, choices", unit="variant"):
    trials = []
    for each in grid(grids[name]):
      seed = world.config.seeds[0]
      run = Run(world, name, variants[name], seed, each, split="valid")
      columns = measure(run)
      figures = {
        metric: float(np.nanmean(columns[metric])) for metric in metrics
      }
      trials.append({"settings": each, "figures": figures})
    best = best_of([trial["figures"] for trial in trials], metrics)
    settings[name] = trials[best]["settings"]
    facts[name] = {"chosen": best, "trials": trials}
  return settings, facts


def best_of(
  trials: Sequence[Mapping[str, float]], metrics: Sequence[str]
) -> int:
  """The number of the trial that is best by the first metric, then by others.

  Of equals it is the first.
  """
  keys = [tuple(figures[name] for name in metrics) for figures in trials]
  return keys.index(max(keys))
