"""Asks the generator and its baselines the same questions, and reports."""

import json
import pathlib
import sys

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from experiments.pipeline.dual_encoder import DualRanker
from experiments.pipeline.embed import Vectors
from experiments.pipeline.evaluator import EvaluationConfig, Evaluator
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from gr_jax.artefacts import build
from gr_jax.evaluation.report import page, report_file
from gr_jax.parallel.host_memory import release_freed_memory
from gr_jax.provenance import origin
from gr_jax.training.metric_writer import read_metrics


def _figures(measures: Evaluator) -> dict:
  """All figures, with a bar that moves as they come."""
  config = measures.config
  found = {"results": [], "beams": [], "hallucination": []}
  steps = len(measures.questions) * (3 + len(config.beams))
  with tqdm(total=steps, desc="evaluate", unit="table", file=sys.stderr) as bar:
    for questions in measures.questions:
      for seen in ("kept", "out"):
        # Without anything seen both are the same.
        if seen == "kept" or len(questions.seen.rows):
          found["results"] += measures.results(questions, seen)
          release_freed_memory()
        bar.update()
      found["hallucination"].append(measures.hallucination(questions))
      bar.update()
      for beam in config.beams:
        found["beams"].append(measures.beam_rows(questions, beam))
        bar.update()
  return found


def evaluate(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  vectors: Vectors,
  tokenized: Tokenized,
  generator: Generator,
  *,
  aligned: Generator | None = None,
  dual: DualRanker | None = None,
) -> dict:
  """Writes `report.json` and `report.html` and returns the report.

  What is asked is the aligned generator where there is one; the other is then
  a system of its own, without seen items taken out.
  """
  settings = EvaluationConfig(**config.evaluation)
  stages = {
    "prepare": data.artefact,
    "embed": vectors.artefact,
    "tokenize": tokenized.artefact,
    "train": generator.artefact,
  }
  if aligned is not None:
    stages["align"] = aligned.artefact
  if dual is not None:
    stages["dual_encoder"] = dual.artefact

  def make(directory: pathlib.Path) -> None:
    measures = Evaluator(
      config.name,
      settings,
      data,
      vectors,
      tokenized,
      aligned or generator,
      before=generator if aligned else None,
      dual=dual,
    )
    text = json.dumps(_figures(measures), default=list)
    (directory / "figures.json").write_text(text)

  inputs = [artefact.fingerprint for artefact in stages.values()]
  section = {"name": config.name, **config.evaluation.to_dict()}
  artefact = build(workdir, "evaluation", section, inputs, make)
  stages["evaluate"] = artefact
  report = report_file.write_report(
    workdir / "report.json",
    config=config.to_dict(),
    seconds={name: stage.seconds for name, stage in stages.items()},
    origin=origin(),
    **json.loads((artefact.directory / "figures.json").read_text()),
    **_training_record(tokenized, generator, aligned),
  )
  page.write_page(workdir / "report.html", report)
  return report


def _training_record(
  tokenized: Tokenized, generator: Generator, aligned: Generator | None
) -> dict:
  """What the page shows of how the run went."""
  directory = tokenized.artefact.directory
  ids = tokenized.semantic_ids
  return {
    "quality": json.loads((directory / "quality.json").read_text()),
    "items_per_id": np.bincount(np.diff(ids.item_offsets))[1:].tolist(),
    "level_sizes": list(ids.level_sizes),
    "history": {
      "tokenizer": json.loads((directory / "history.json").read_text()),
    }
    | {
      name: read_metrics(one.artefact.directory / "metrics.jsonl")
      for name, one in (("generator", generator), ("alignment", aligned))
      if one
    },
  }
