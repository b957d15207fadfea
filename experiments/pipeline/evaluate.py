"""Ranks the same requests with the generator and its baselines, and reports."""

import json
import pathlib
from collections.abc import Mapping

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.alignment_choice import read_choice
from experiments.pipeline.baseline_rankings import Baselines, TrainedRanker
from experiments.pipeline.costs import size
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.evaluator import EvaluationConfig, Evaluator
from experiments.pipeline.network_share import NETWORK_SHARE
from experiments.pipeline.second_look import second_look
from experiments.pipeline.stages import Stages
from experiments.pipeline.train import SIZES, TARGET_KNOWN, TrainedGenerator
from experiments.pipeline.value_figures import predicts_values, value_figures
from gr_jax.artefacts import build_by_all
from gr_jax.atomic import write_text
from gr_jax.data.requests import VALID
from gr_jax.data.statistics import data_statistics
from gr_jax.evaluation.report import report_file
from gr_jax.evaluation.report.retrieval_page import retrieval_page
from gr_jax.parallel import hosts
from gr_jax.parallel.host_memory import release_freed_memory
from gr_jax.progress_bar import make_bar
from gr_jax.provenance import origin
from gr_jax.training.metric_writer import read_metrics
from gr_jax.training.stopping import OUTCOME

# The generator as it was before alignment, where a recipe aligns.
BEFORE = "before_alignment"

# The answers that are kept, `Evaluator.answers`.
ANSWERS = "answers.npz"


def evaluate(
  config: ConfigDict,
  stages: Stages,
  *,
  aligned: TrainedGenerator | None = None,
  trained: Mapping[str, TrainedRanker] | None = None,
) -> dict:
  """Writes `report.json` and `report.html` and returns the report.

  The model is the aligned generator where there is one; the other is then a
  system of its own, without seen items taken out. `trained` are rankers that
  stand beside the baselines, by name. The report holds

    config, origin, versions: what was run, by which call, on what.
    seconds, commits: by stage, how long it took to make and by which source.
    data: `statistics.data_statistics`.
    sampled: rows `{"requests", "split", "n", "of", "repeated"}`, the number of
      requests that were ranked, and of those that the split has, and the share
      of their targets that the user had before.
    results: tidy rows (`gr_jax.evaluation.results`).
    fallback: rows `{"system", "requests", "seen", "share", "n"}`, the share of
      the requests that a system ranks as `popularity` does.
    choices: rows `{"system", "requests", "setting", "chosen", "value", "low",
      "high", "n"}`, the settings of the baselines by recall@10 on validation.
    left_out: rows `{"system", "reason"}` of baselines too large for the data.
    beams: rows `{"requests", "beam", "value", "low", "high", "n"}`, recall@10.
    hallucination: rows `{"requests", "value", "low", "high", "n"}`, the share
      of the unconstrained beam's IDs that the catalogue does not have; none of
      a generator that reads counts, which know the catalogue.
    examples: rows of `examples.examples`.
    size, latency: what the model costs (`costs`).
    quality: rows `{"metric", "level", "value"}` of the tokenizer.
    level_sizes: the number of codes at each level.
    items_per_id: the number of IDs that name one item, two, and so on.
    history: `{training: rows of its metrics log}`.
    values: `value_figures.value_figures`, {} unless values are predicted;
      `results` then have the metric "value" of all systems (`worth`).
    second_look: rows as `results`, recall@10 of all systems on validation
      requests (`second_look.second_look`).
    outcome: how the generator's training ended (`stopping.Outcome`).
    kept_before: why the generator stays as it was before its alignment, where
      it does (`alignment_choice`).
    network_share: rows `{"requests", "share", "value", "chosen"}` of recall@10
      on validation requests, of shares of the network beside its candidates
      (`network_share.choose`).
    sizes: the size of the data, and what it led to (`sizes.sentence`).
    target_known: the share of targets that the transitions know, by split, of a
      generator that reads them (`target_known_shares`).
  """
  generators = {config.name: aligned or stages.generator}
  artefacts = {
    "prepare": stages.data.artefact,
    "embed": stages.vectors.artefact,
    "tokenize": stages.tokenized.artefact,
    "train": stages.generator.artefact,
  }
  if aligned is not None:
    generators[BEFORE] = stages.generator
    artefacts["align"] = aligned.artefact
  for ranker in (trained or {}).values():
    artefacts[ranker.artefact.directory.name] = ranker.artefact
  settings = EvaluationConfig(**config.evaluation)

  def make(directory: pathlib.Path) -> None:
    validation = draw_eval_requests(
      stages.data.requests,
      split=VALID,
      count=settings.requests,
      seed=settings.seed,
    )
    baselines = Baselines(
      stages.data,
      stages.vectors,
      validation=validation,
      windows=settings.knn_windows,
      lasts=settings.knn_last,
      ridges=settings.ease_ridges,
      trained=trained,
    )
    evaluator = Evaluator(
      settings,
      stages.data,
      stages.tokenized.semantic_ids,
      generators,
      baselines,
    )
    found = {
      "data": data_statistics(stages.data.catalogue, stages.data.requests),
      **_figures(evaluator),
      "second_look": second_look(
        evaluator, validation, count=settings.second_look
      ),
      "values": _values(evaluator, generators[config.name], stages),
      "choices": baselines.choices,
      "left_out": baselines.left_out,
    }
    # Hosts share the searches, and all have all answers.
    if not hosts.is_first():
      return
    found["examples"] = evaluator.examples(stages.data.catalogue.texts)
    found["latency"] = evaluator.latency(generators[config.name])
    if evaluator.answers:
      np.savez_compressed(directory / ANSWERS, **evaluator.answers)
    text = json.dumps(found, default=list)
    (directory / "figures.json").write_text(text)

  inputs = [artefact.fingerprint for artefact in artefacts.values()]
  section = {"name": config.name, **config.evaluation.to_dict()}
  artefact = build_by_all(stages.workdir, "evaluation", section, inputs, make)
  artefacts["evaluate"] = artefact
  path = stages.workdir / "report.json"
  if not hosts.is_first():
    hosts.wait_for_all("report written")
    return report_file.read_report(path)
  report = report_file.write_report(
    path,
    config=config.to_dict(),
    origin=origin(),
    seconds={name: stage.seconds for name, stage in artefacts.items()},
    commits={name: stage.commit for name, stage in artefacts.items()},
    **json.loads((artefact.directory / "figures.json").read_text()),
    size=size(generators[config.name]),
    **_training_record(stages, aligned),
  )
  write_text(stages.workdir / "report.html", retrieval_page(report))
  hosts.wait_for_all("report written")
  return report


def _figures(evaluator: Evaluator) -> dict:
  """All figures, with a bar that moves as they come."""
  beams = evaluator.config.beams
  found = {"results": [], "fallback": [], "beams": [], "hallucination": []}
  found["sampled"] = [evaluator.sampled(one) for one in evaluator.requests]
  steps = len(evaluator.requests) * (3 + len(beams))
  with make_bar(
    "evaluate", total=steps, unit="table", shown=hosts.is_first()
  ) as bar:
    for requests in evaluator.requests:
      for seen in ("kept", "out"):
        # Without anything seen both are the same.
        if seen == "kept" or len(requests.seen.rows):
          rows, fallback = evaluator.results(requests, seen)
          found["results"] += rows
          found["fallback"] += fallback
          release_freed_memory()
        bar.update()
      if not evaluator.reads_counts:
        found["hallucination"].append(evaluator.hallucination(requests))
      bar.update()
      for beam in beams:
        found["beams"].append(evaluator.beam_rows(requests, beam))
        bar.update()
  return found


def _values(
  evaluator: Evaluator, generator: TrainedGenerator, stages: Stages
) -> dict:
  """What the report says of values, of a generator that predicts them."""
  if not predicts_values(generator):
    return {}
  return value_figures(
    generator,
    stages.tokenized.semantic_ids,
    evaluator.requests,
    seed=evaluator.config.seed,
  )


def _training_record(stages: Stages, aligned: TrainedGenerator | None) -> dict:
  """The parts of the report that say how the training went."""
  directory = stages.tokenized.artefact.directory
  ids = stages.tokenized.semantic_ids
  trained = {"generator": stages.generator, "alignment": aligned}
  history = {"tokenizer": json.loads((directory / "history.json").read_text())}
  history |= {
    name: read_metrics(one.artefact.directory / "metrics.jsonl")
    for name, one in trained.items()
    if one
  }
  folder = stages.generator.artefact.directory
  files = {
    "target_known": TARGET_KNOWN,
    "outcome": OUTCOME,
    "sizes": SIZES,
    "network_share": NETWORK_SHARE,
  }
  found = {
    name: json.loads((folder / file).read_text())
    for name, file in files.items()
    if (folder / file).is_file()
  }
  if aligned is not None:
    choice = read_choice(aligned.artefact.directory)
    if choice["kept_before"]:
      found["kept_before"] = choice["kept_before"]
    elif choice["network_share"]:
      found["network_share"] = choice["network_share"]
  return found | {
    "quality": json.loads((directory / "quality.json").read_text()),
    "items_per_id": np.bincount(np.diff(ids.item_offsets))[1:].tolist(),
    "level_sizes": list(ids.level_sizes),
    "history": history,
  }
