"""What do pages, merged tokens and GRPO-SR bring (GenRec, section 4)?

In two worlds generators of one token budget learn single items or whole pages
(`studies/genrec_arms.py`); where the truth is known, the page-wise one is then
aligned in three ways (`studies/genrec_policies.py`).
"""

import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.train import Generator
from experiments.studies.genrec_arms import ARMS, check_arms
from experiments.studies.genrec_figures import compared
from experiments.studies.genrec_judged import align_all, judge_of
from experiments.studies.genrec_plot import picture
from experiments.studies.genrec_policies import POLICIES, check_policies
from experiments.studies.genrec_prefill import prefill_seconds
from experiments.studies.genrec_table import page
from experiments.studies.genrec_world import World
from experiments.studies.study_files import write_study
from gr_jax import provenance
from gr_jax.artefacts import locked
from gr_jax.parallel import hosts

PAIRS = (
  *((arm, "point_wise") for arm in ARMS),
  ("page_wise", "page_wise_tokens"),
  *((policy, "page_wise") for policy in POLICIES),
  ("grpo_sr", "grpo"),
  ("without_gate", "grpo_sr"),
)


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs what has not run yet; writes `table.md`, `table.json`, `plot.svg`.

  Args:
    config: sections worlds, vectors, tokenizer, generator, preference,
      blind_spot, align, evaluation; arms, policies, and seeds, of which a
      world may have fewer; output, a second folder for the three files, or "".
    workdir: gets one folder per world, seed and arm.
  """
  check_arms(config.arms)
  check_policies(config.policies)
  with locked(workdir):
    worlds = {
      name: run_world(config, name, workdir / name) for name in config.worlds
    }
    minutes = sum(world.pop("seconds") for world in worlds.values()) / 60
    study = {
      "seeds": list(config.seeds),
      "worlds": worlds,
      "origin": provenance.origin()
      | {"seeds": list(config.seeds), "minutes": minutes},
      "config": config.to_dict() | {"output": ""},
    }
    if hosts.is_first():
      write_study(
        study,
        page=page(study),
        picture=picture(study),
        folders=[workdir, *filter(None, [config.output])],
      )
  return study


def run_world(config: ConfigDict, name: str, workdir: pathlib.Path) -> dict:
  """All arms and seeds on one world, as figures."""
  world = World(config, name, workdir)
  judge = judge_of(world) if world.world.aligned else None
  rewards = {} if judge is None else judge[0]
  # Seed by seed: a run that is cut off has whole comparisons.
  for seed in world.world.get("seeds", config.seeds):
    tokenized = world.tokenized(seed)
    generators = {}
    for arm in config.arms:
      generators[arm] = world.trained(arm, seed, tokenized)
      world.measure(arm, seed, tokenized, generators[arm], rewards)
    if not world.prefill:
      world.prefill = _prefill(world, generators)
    if judge is not None:
      align_all(world, seed, tokenized, generators["page_wise"], judge)
  return {
    "items": len(world.data.catalogue),
    "requests": len(world.users),
    "users": len(np.unique(world.users)),
    "levels": list(world.world.levels),
    "arms": [a for a in world.found if a in ARMS],
    "policies": [a for a in world.found if a in POLICIES],
    "budget": world.budget,
    "prefill": world.prefill,
    "judge": world.judged,
    "rows": compared(PAIRS, world.found, world.users),
    "seconds": world.seconds,
  }


def _prefill(world: World, generators: dict[str, Generator]) -> dict:
  rows = world.rows[: world.config.evaluation.batch_size]
  kept = {n: g for n, g in generators.items() if n.startswith("page_wise")}
  return prefill_seconds(kept, rows, world.data.requests.query[rows])
