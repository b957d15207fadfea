"""Do categories and queries make better semantic IDs (CQ-SID, section 4)?

In two worlds, real purchases and one whose structure is known, four tokenizers
(`studies/arms.py`) get the same generator; the hits of their searches are
compared request by request.
"""

import pathlib
import time
from collections.abc import Mapping

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.embed import Vectors, embed
from experiments.pipeline.prepare import Data, prepare
from experiments.pipeline.tokenize import tokenize
from experiments.pipeline.train import train
from experiments.studies import beams, claim_figures
from experiments.studies.arms import ARMS, check_arms, tokenizer_section
from experiments.studies.claim_plot import picture
from experiments.studies.claim_table import page
from experiments.studies.study_files import write_study
from gr_jax import provenance
from gr_jax.artefacts import Artefact, locked
from gr_jax.parallel import hosts
from gr_jax.tokenizers.semantic_ids import SemanticIds


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs what has not run yet; writes `table.md`, `table.json`, `plot.svg`.

  Args:
    config: sections worlds, vectors, tokenizer, generator, evaluation; arms,
      the baseline first; seeds; table_beams; output, a second folder for the
      three files, or "".
    workdir: gets one folder per world, seed and arm.
  """
  check_arms(config.arms)
  widths = beams.BeamsConfig(**config.evaluation).beams
  if missing := set(config.table_beams) - set(widths):
    raise ValueError(
      f"table_beams has {min(missing)}, which evaluation.beams {widths} lacks."
    )
  with locked(workdir):
    worlds = {
      name: run_world(config, name, workdir / name) for name in config.worlds
    }
    seconds = sum(world.pop("seconds") for world in worlds.values())
    study = {
      "arms": list(config.arms),
      "seeds": list(config.seeds),
      "beams": list(widths),
      "table_beams": list(config.table_beams),
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


def run_world(config: ConfigDict, name: str, workdir: pathlib.Path) -> dict:
  """All arms and seeds on one world, as figures."""
  world = config.worlds[name]
  data = prepare(world.data, workdir)
  vectors = embed(config.vectors, workdir, data)
  asked = beams.asked(data, beams.BeamsConfig(**config.evaluation))
  users = asked[0].users
  hits = {arm: [] for arm in config.arms}
  tables = {arm: [] for arm in config.arms}
  made = [data.artefact, vectors.artefact]
  sizes = ()
  # Seed by seed: a run that is cut off has whole comparisons.
  for seed in config.seeds:
    for arm in config.arms:
      start = time.perf_counter()
      folder = workdir / f"seed_{seed}" / arm
      found, ids, artefacts = _one(
        config, world, arm, seed, folder, data, vectors
      )
      hits[arm].append(found)
      tables[arm].append(claim_figures.id_figures(ids))
      made += artefacts
      sizes = ids.level_sizes
      seconds = time.perf_counter() - start
      print(_progress(name, seed, arm, found, ids, seconds), flush=True)
  widths = tuple(config.evaluation.beams)
  return {
    "arms": list(config.arms),
    "items": len(data.catalogue),
    "requests": len(users),
    "users": len(np.unique(users)),
    "level_sizes": list(sizes),
    "ids": claim_figures.id_rows(tables),
    "hits": list(claim_figures.hit_rows(hits, users, beams=widths)),
    "widths": list(claim_figures.width_rows(hits, users, beams=widths)),
    "seconds": sum(artefact.seconds for artefact in made),
  }


def _one(
  config: ConfigDict,
  world: ConfigDict,
  arm: str,
  seed: int,
  folder: pathlib.Path,
  data: Data,
  vectors: Vectors,
) -> tuple[claim_figures.Hits, SemanticIds, list[Artefact]]:
  """IDs, generator and hits of one arm and seed."""
  section = tokenizer_section(
    config.tokenizer, world.tokenizer, ARMS[arm], data, seed=seed
  )
  tokenized = tokenize(section, folder, data, vectors, fit=ARMS[arm].fit)
  generator = train(
    ConfigDict(config.generator.to_dict() | {"seed": seed}),
    folder,
    data,
    tokenized.semantic_ids,
    [data.artefact.fingerprint, tokenized.artefact.fingerprint],
  )
  found, artefact = beams.count_hits(
    config.evaluation, folder, data, tokenized, generator
  )
  artefacts = [tokenized.artefact, generator.artefact, artefact]
  return found, tokenized.semantic_ids, artefacts


def _progress(
  name: str,
  seed: int,
  arm: str,
  found: Mapping[str, Mapping[str, np.ndarray]],
  ids: SemanticIds,
  seconds: float,
) -> str:
  rates = ", ".join(
    f"{kind} {100 * columns['id'][:, -1].mean():.1f} % of IDs, "
    f"{100 * columns['item'][:, -1].mean():.1f} % of items"
    for kind, columns in found.items()
  )
  return (
    f"{name}, seed {seed}, {ARMS[arm].label}: {ids.num_ids:,} IDs; hits of the "
    f"widest beam: {rates}; {seconds:.0f} s"
  )
