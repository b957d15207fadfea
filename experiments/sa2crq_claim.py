"""What do IDs that end early, and codebooks for the tail, bring (SA2CRQ)?

Every tokenizer of the paper's table 1 and two controls (`configs/sa2crq_claim`)
get the same generator, steps and beam; what they find is compared request by
request with TIGER. The splits of table 2 are only tokenized.
"""

import pathlib
import sys

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from experiments.studies import sa2crq_arms
from experiments.studies.sa2crq_figures import compared
from experiments.studies.sa2crq_ids import mean_figures
from experiments.studies.sa2crq_plot import picture
from experiments.studies.sa2crq_table import page
from experiments.studies.sa2crq_world import World
from experiments.studies.study_files import write_study
from gr_jax import provenance
from gr_jax.artefacts import locked
from gr_jax.parallel import hosts


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs what has not run yet; writes `table.md`, `table.json`, `plot.svg`.

  Args:
    config: sections data, vectors, tokenizers, recipes, generator,
      dual_encoder, evaluation; arms, splits and baseline, names of recipes;
      output, a second folder for the three files, or "".
    workdir: gets one folder per seed and arm.
  """
  sa2crq_arms.check(config)
  with locked(workdir):
    world = World(config, workdir)
    # Splits first: they take seconds and say at once what the IDs are like.
    runs = [
      (seed, name)
      for name in config.splits
      for seed in config.recipes[name].seeds
    ]
    for seed, name in runs:
      world.tokenized(name, seed)
    runs = sa2crq_arms.runs(config)
    for seed, name in tqdm(runs, desc="arms", unit="arm", file=sys.stderr):
      world.run(name, seed)
    study = _study(config, world)
    if hosts.is_first():
      write_study(
        study | {"rows": _columns(study["rows"])},
        page=page(study),
        picture=picture(study),
        folders=[workdir, *filter(None, [config.output])],
      )
  return study


def _columns(rows: list[dict]) -> dict[str, list]:
  """The same figures in half of the space."""
  return {name: [row[name] for row in rows] for name in rows[0]}


def _study(config: ConfigDict, world: World) -> dict:
  """Everything that the page and the picture say."""
  seeds = sorted({seed for runs in world.found.values() for seed in runs})
  users = np.concatenate(list(world.users.values()))
  return {
    "baseline": config.baseline,
    "arms": list(config.arms),
    "splits": list(config.splits),
    "labels": sa2crq_arms.labels(config),
    "beam": config.evaluation.beam,
    "items": len(world.data.catalogue),
    "requests": {kind: len(rows) for kind, rows in world.users.items()},
    "users": len(np.unique(users)),
    "ids": {
      name: mean_figures(list(found.values()))
      for name, found in world.ids.items()
    },
    "rows": compared(
      list(config.arms), config.baseline, world.found, world.users
    ),
    "origin": provenance.origin()
    | {"seeds": seeds, "minutes": world.seconds / 60},
    "config": config.to_dict() | {"output": ""},
  }
