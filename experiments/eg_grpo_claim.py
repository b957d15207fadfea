"""Do experts in the group make alignment better (EG-GRPO, section 4)?

In two worlds, one whose pages say what was shown and clicked, and real
purchases, one trained generator per seed is aligned in several ways
(`studies/alignment_arms.py`); their hits are compared request by request.
"""

import pathlib
import time

import numpy as np
from ml_collections import ConfigDict

from experiments import cq_sid, eg_grpo
from experiments.pipeline.align import align
from experiments.pipeline.embed import embed
from experiments.pipeline.prepare import Data, prepare
from experiments.pipeline.tokenize import Tokenized, tokenize
from experiments.pipeline.train import Generator, train
from experiments.studies import alignment_figures, alignment_hits
from experiments.studies import arms as tokenizers
from experiments.studies.alignment_arms import (
  ARMS,
  BASELINE,
  align_section,
  check_arms,
)
from experiments.studies.alignment_plot import picture
from experiments.studies.alignment_table import page
from experiments.studies.study_files import write_study
from gr_jax import provenance
from gr_jax.artefacts import Artefact, locked
from gr_jax.parallel import hosts
from gr_jax.training.metric_writer import read_metrics


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs what has not run yet; writes `table.md`, `table.json`, `plot.svg`.

  Args:
    config: sections worlds, vectors, tokenizer, generator, align, evaluation;
      arms and seeds, of which a world may have fewer; output, a second
      folder for the three files, or "".
    workdir: gets one folder per world, seed and arm.
  """
  for world in config.worlds.values():
    check_arms(_arms(config, world))
  with locked(workdir):
    worlds = {
      name: run_world(config, name, workdir / name) for name in config.worlds
    }
    seconds = sum(world.pop("seconds") for world in worlds.values())
    study = {
      "arms": list(config.arms),
      "seeds": list(config.seeds),
      "worlds": worlds,
      "origin": provenance.origin()
      | {"seeds": list(config.seeds), "minutes": seconds / 60},
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


def _arms(config: ConfigDict, world: ConfigDict) -> tuple[str, ...]:
  return tuple(world.get("arms", config.arms))


def run_world(config: ConfigDict, name: str, workdir: pathlib.Path) -> dict:
  """All arms and seeds on one world, as figures."""
  data, tokenized, made = _ids(config, config.worlds[name], workdir)
  rows = alignment_hits.asked(
    data.requests, alignment_hits.HitsConfig(**config.evaluation)
  )
  users = data.requests.user[rows]
  arms = _arms(config, config.worlds[name])
  hits = {arm: [] for arm in arms}
  runs = {arm: [] for arm in arms}
  # Seed by seed: a run that is cut off has whole comparisons.
  for seed in config.worlds[name].get("seeds", config.seeds):
    folder = workdir / f"seed_{seed}"
    trained = _trained(
      config, config.worlds[name], seed, folder, data, tokenized
    )
    made.append(trained.artefact)
    for arm in arms:
      start = time.perf_counter()
      generator = trained
      if arm != BASELINE:
        generator = _aligned(
          config, arm, seed, folder / arm, data, tokenized, trained
        )
        runs[arm].append(_run_figures(generator))
        made.append(generator.artefact)
      found, artefact = alignment_hits.count_hits(
        config.evaluation, folder / arm, data, tokenized, generator
      )
      hits[arm].append(found)
      made.append(artefact)
      seconds = time.perf_counter() - start
      print(_progress(name, seed, arm, found, seconds), flush=True)
  return {
    "arms": list(arms),
    "items": len(data.catalogue),
    "ids": int(tokenized.semantic_ids.num_ids),
    "requests": len(users),
    "users": len(np.unique(users)),
    "hits": list(alignment_figures.hit_rows(hits, users)),
    "runs": alignment_figures.run_rows(runs),
    "seconds": sum(artefact.seconds for artefact in made),
  }


def _ids(
  config: ConfigDict, world: ConfigDict, workdir: pathlib.Path
) -> tuple[Data, Tokenized, list[Artefact]]:
  """Data and one table of IDs, shared by all seeds and arms of a world."""
  data = prepare(world.data, workdir)
  vectors = embed(config.vectors, workdir, data)
  section = tokenizers.tokenizer_section(
    config.tokenizer,
    world.tokenizer,
    tokenizers.ARMS["cq_sid"],
    data,
    seed=config.tokenizer.seed,
  )
  tokenized = tokenize(section, workdir, data, vectors, fit=cq_sid.fit)
  return (
    data,
    tokenized,
    [data.artefact, vectors.artefact, tokenized.artefact],
  )


def _trained(
  config: ConfigDict,
  world: ConfigDict,
  seed: int,
  folder: pathlib.Path,
  data: Data,
  tokenized: Tokenized,
) -> Generator:
  section = ConfigDict(config.generator.to_dict() | {"seed": seed})
  section.update(world.generator)
  return train(
    section,
    folder,
    data,
    tokenized.semantic_ids,
    [data.artefact.fingerprint, tokenized.artefact.fingerprint],
  )


def _aligned(
  config: ConfigDict,
  arm: str,
  seed: int,
  folder: pathlib.Path,
  data: Data,
  tokenized: Tokenized,
  trained: Generator,
) -> Generator:
  section = align_section(config.align, arm, seed=seed)
  return align(
    section,
    folder,
    data,
    tokenized,
    trained,
    reward=eg_grpo.page_reward(section, data, tokenized),
  )


def _run_figures(generator: Generator) -> dict[str, float]:
  rows = read_metrics(generator.artefact.directory / "metrics.jsonl")
  return alignment_figures.run_figures(rows)


def _progress(
  name: str, seed: int, arm: str, found: np.ndarray, seconds: float
) -> str:
  rates = ", ".join(
    f"{figure} {100 * rate:.1f} %"
    for figure, rate in zip(alignment_hits.FIGURES, found.mean(axis=0))
  )
  return f"{name}, seed {seed}, {ARMS[arm].label}: {rates}; {seconds:.0f} s"
