"""One run of the recipe in a world: its answers and those of all baselines."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from orbax.checkpoint import v1 as ocp

from experiments import cq_sid
from experiments.pipeline.embed import embed
from experiments.pipeline.eval_requests import (
  EvalRequests,
  Rank,
  draw_eval_requests,
)
from experiments.pipeline.evaluate import ANSWERS
from experiments.pipeline.evaluator import SPLITS
from experiments.pipeline.network_share import NETWORK_SHARE
from experiments.pipeline.prepare import Data, prepare
from experiments.pipeline.stages import Stages
from experiments.pipeline.tokenize import tokenize
from experiments.pipeline.train import train
from experiments.studies.never_lose_blends import (
  Counts,
  blend_of_counts,
  counts_and_texts,
)
from experiments.studies.never_lose_boosted import BoostedRankers
from experiments.studies.never_lose_data import prepared
from gr_jax.artefacts import build, finished, write_json
from gr_jax.data.requests import VALID
from gr_jax.recipes import keys

MODEL = "own_data"
KEPT = 10  # Answers of each request, the cutoff of all figures.

# Items up to which texts are compared with each other.
_COMPARED = 30_000
_OWN_STAGES = ("prepare", "embed", "tokenize", "train")

# The folder of a run's answers and facts, which later code needs no model for.
_ANSWERED, _FACTS = "answers", "facts.json"


@dataclasses.dataclass(frozen=True)
class Answers:
  """What all systems answer in one run.

  Attributes:
    data: The catalogue and the log.
    requests: Those that are evaluated, of every kind.
    items: `KIND/SEEN/SYSTEM` to items `[R, KEPT]`, best first, -1 after them.
    facts: Sizes and times of the run.
  """

  data: Data
  requests: Sequence[EvalRequests]
  items: Mapping[str, np.ndarray]
  facts: Mapping[str, Any]

  def systems(self) -> list[str]:
    return list(dict.fromkeys(name.rpartition("/")[2] for name in self.items))


def folder_of(section: ConfigDict, root: str) -> pathlib.Path | None:
  """The private folder of a world; None where it needs none."""
  return pathlib.Path(root, section.folder) if section.folder else None


def recipe_of(
  config: ConfigDict, section: ConfigDict, *, seed: int, path: str
) -> ConfigDict:
  """The recipe with the data of a world and the seeds of a run.

  Args:
    config: The config of the study; has the `recipe`.
    section: The world: `data`, and `requests`, where those of the evaluation
      are set.
    seed: Of the tokenizer, the generator and SASRec.
    path: The folder that the source reads, "" for one that reads none.
  """
  recipe = ConfigDict(config.recipe.to_dict())
  recipe.data = section.data.to_dict() | ({"path": path} if path else {})
  recipe.tokenizer.seed = recipe.generator.seed = seed
  if "sasrec" in recipe:
    recipe.sasrec.training.seed = seed
  if "requests" in section:
    recipe.evaluation.requests = section.requests
  recipe.evaluation.kept = KEPT
  return recipe


def run_once(
  config: ConfigDict, section: ConfigDict, workdir: pathlib.Path, *, seed: int
) -> Answers:
  """Runs what has not run yet of a world and a seed.

  Args:
    config: The config of the study.
    section: The world.
    workdir: Its folder, which gets `data` and a folder for each seed.
    seed: The seed of the run.
  """
  source, path = folder_of(section, config.data_root), ""
  if source is not None:
    options = section.options.to_dict()
    folder = workdir / "source"
    path = str(prepared(section.form, source, folder, **options))
  recipe = recipe_of(config, section, seed=seed, path=path)
  folder = workdir / f"seed_{seed}"
  boosted = config.boosted and section.get("boosted", False) and seed == 0
  data = prepare(recipe.data, folder)
  evaluated = draw_eval_requests(
    data.requests,
    split=SPLITS[recipe.evaluation.split],
    count=recipe.evaluation.requests,
    seed=recipe.evaluation.seed,
  )
  stored = keys.stored(recipe.to_dict()) | {"boosted": boosted}
  stage = stored, [data.artefact.fingerprint]
  items: dict[str, np.ndarray] = {}
  facts: dict[str, Any] = {}
  if not finished(folder, _ANSWERED, *stage):
    facts = _facts(cq_sid.run(recipe, folder), folder)
    items = dict(np.load(folder / "evaluation" / ANSWERS))
    items |= _more(recipe, folder, data, evaluated, boosted=boosted)

  def make(directory: pathlib.Path) -> None:
    np.savez_compressed(directory / ANSWERS, **items)
    write_json(directory / _FACTS, facts)

  made = build(folder, _ANSWERED, *stage, make).directory
  items = dict(np.load(made / ANSWERS))
  facts = json.loads((made / _FACTS).read_text())
  return Answers(data, evaluated, items, facts)


def _stages(recipe: ConfigDict, folder: pathlib.Path) -> Stages:
  """The finished stages of a run; the generator is loaded."""
  data = prepare(recipe.data, folder)
  vectors = embed(recipe.vectors, folder, data)
  tokenized = tokenize(recipe.tokenizer, folder, data, vectors, fit=cq_sid.fit)
  generator = train(recipe.generator, folder, data, tokenized, vectors)
  return Stages(folder, data, vectors, tokenized, generator)


def _more(
  recipe: ConfigDict,
  folder: pathlib.Path,
  data: Data,
  evaluated: Sequence[EvalRequests],
  *,
  boosted: bool,
) -> dict[str, np.ndarray]:
  """The answers of what a report lacks, kept in the folder `blends`."""
  settings = recipe.evaluation

  def make(directory: pathlib.Path) -> None:
    validation = draw_eval_requests(
      data.requests, split=VALID, count=settings.requests, seed=settings.seed
    )
    counts = Counts(data, validation)
    rankers: dict[str, Mapping[str, Rank]] = {
      "blend_of_counts": blend_of_counts(data, counts, validation)
    }
    if len(data.catalogue) <= _COMPARED:
      rank = counts_and_texts(data, validation, windows=settings.knn_windows)
      kinds = [one.kind for one in evaluated if one.shows_history]
      rankers["counts_and_texts"] = dict.fromkeys(kinds, rank)
    found = {}
    for one in evaluated:
      found |= _ranked(one, rankers)
    if boosted:
      stages = _stages(recipe, folder)
      for one in evaluated:
        found |= _boosted(recipe, stages, counts, validation, one)
    np.savez_compressed(directory / ANSWERS, **found)

  section = {"boosted": boosted, **settings.to_dict()}
  manifest = json.loads((folder / "evaluation/manifest.json").read_text())
  inputs = [manifest["fingerprint"]]
  artefact = build(folder, "blends", section, inputs, make)
  return dict(np.load(artefact.directory / ANSWERS))


def _ranked(
  one: EvalRequests, rankers: Mapping[str, Mapping[str, Rank]]
) -> dict[str, np.ndarray]:
  """The answers to one kind of requests, seen items kept and taken out."""
  found = {}
  for seen in ("kept", "out")[: 1 + bool(len(one.seen.rows))]:
    for system, of_kind in rankers.items():
      if one.kind in of_kind:
        rank = of_kind[one.kind]
        items = rank(one, k=KEPT, exclude=one.hidden(seen))
        found[f"{one.kind}/{seen}/{system}"] = items
  return found


def _boosted(
  recipe: ConfigDict,
  stages: Stages,
  counts: Counts,
  validation: Sequence[EvalRequests],
  one: EvalRequests,
) -> dict[str, np.ndarray]:
  """Those of the boosted trees, where validation has such requests."""
  same = [some for some in validation if some.kind == one.kind]
  if not same:
    return {}
  size = recipe.evaluation.batch_size
  found = BoostedRankers(stages, counts, batch_size=size).answers(
    same[0], one, k=KEPT
  )
  return {f"{one.kind}/kept/{arm}": items for arm, items in found.items()}


def _facts(report: Mapping, folder: pathlib.Path) -> dict:
  """Sizes and times of a run; those of the model alone, and of all."""
  seconds = report["seconds"]
  path = (folder / "generator" / "params").absolute()
  params: Any = ocp.metadata(str(path)).metadata
  facts = {
    "parameters": sum(math.prod(x.shape) for x in jax.tree.leaves(params)),
    "seconds": sum(seconds[name] for name in _OWN_STAGES),
    "minutes": sum(seconds.values()) / 60,
    "stages": dict(seconds),
    "commits": _commits(folder),
  }
  shares = folder / "generator" / NETWORK_SHARE
  if shares.is_file():
    facts["network_share"] = json.loads(shares.read_text())
  return facts


def _commits(folder: pathlib.Path) -> list[str]:
  """The commits of the code that made the stages of a run."""
  manifests = (
    json.loads(path.read_text()) for path in folder.glob("*/manifest.json")
  )
  return sorted(
    {one for found in manifests for one in found["commit"].split(", ")}
  )
