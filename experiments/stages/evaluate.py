"""Asks the generator and its floors the same questions, and reports."""

import dataclasses
import json
import pathlib
import sys

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from experiments.stages.dual_encoder import DualRanker
from experiments.stages.embed import Vectors
from experiments.stages.floor_rankings import Floors
from experiments.stages.prepare import Data
from experiments.stages.questions import Questions, draw_questions
from experiments.stages.tokenize import Tokenized
from experiments.stages.train import Generator
from experiments.studies.provenance import origin
from gr_jax.artefacts import build
from gr_jax.data.requests import TEST, VALID
from gr_jax.evaluation import (
  graded,
  intervals,
  metrics,
  page,
  report_file,
  request_lists,
  results,
  row_lists,
)
from gr_jax.evaluation.row_lists import RowLists
from gr_jax.parallel.host_memory import release_freed_memory
from gr_jax.serving.retriever import (
  Retrieved,
  Retriever,
  expand_items,
  fully_seen_ids,
)
from gr_jax.training.metric_writer import read_metrics

SPLITS = {"valid": VALID, "test": TEST}
# The generator as it was before alignment, where a recipe aligns.
BEFORE = "before_alignment"


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
  """What is asked.

  Attributes:
    split: "test", or "valid" while settings are being chosen.
    requests: of each kind, at most.
    beam: answers per request, also the largest cutoff that means something.
    beams: widths of the plot of recall against beam.
    beam_requests: requests of that plot.
    free_beam: width of the search without a catalogue (hallucination).
    batch_size: requests per search.
    knn_window: positions between purchases that the item-item floor pairs.
    knn_last: newest purchases that it reads.
    seed: draws the requests.
  """

  split: str = "test"
  requests: int = 2000
  beam: int = 100
  beams: tuple[int, ...] = (1, 10, 50, 100)
  beam_requests: int = 500
  free_beam: int = 10
  batch_size: int = 32
  knn_window: int = 3
  knn_last: int = 10
  seed: int = 0


class _Evaluation:
  """Everything that the figures of one run are computed from."""

  def __init__(
    self, name, config, data, vectors, tokenized, generator, before, dual=None
  ):
    self.name = name
    self.config = config
    self.catalogue = data.catalogue
    self.grades = data.grades
    self.ids = tokenized.semantic_ids
    self.writer = generator.writer
    self.floors = Floors(
      data,
      vectors,
      window=config.knn_window,
      last=config.knn_last,
      dual=dual,
    )
    self.head = metrics.head_items(data.catalogue.popularity)
    self.retriever = self._retriever(generator)
    self.before = self._retriever(before) if before else None
    self.questions = draw_questions(
      data.requests,
      split=SPLITS[config.split],
      count=config.requests,
      seed=config.seed,
    )

  def _retriever(self, generator: Generator) -> Retriever:
    return Retriever(
      generator.model,
      generator.params,
      self.ids,
      batch_size=self.config.batch_size,
    )

  def _prompts(self, questions: Questions):
    rows = questions.rows
    shown = np.full(len(rows), questions.shown)
    return (
      self.writer.prompts(rows, shown=shown),
      self.writer.queries(questions.requests.query[rows]),
    )

  def _search(
    self,
    questions: Questions,
    beam: int,
    seen: RowLists | None,
    retriever: Retriever | None = None,
  ) -> tuple[Retrieved, np.ndarray]:
    """Ranked IDs and the items behind them."""
    retriever = retriever or self.retriever
    excluded = None
    if seen is not None:
      seen = [seen[r] for r in range(len(seen))]
      excluded = fully_seen_ids(seen, self.ids)
    found = retriever.search(
      *self._prompts(questions), beam_size=beam, excluded=excluded
    )
    items = expand_items(
      found.ids, self.ids, self.catalogue.popularity, k=beam, seen=seen
    )
    return found, items

  def results(self, questions: Questions, seen: str) -> list[dict]:
    """Rows of the generator and of every floor on one kind of requests."""
    exclude = questions.seen if seen == "out" else None
    relevant = questions.targets
    if exclude is not None:
      relevant = row_lists.without(relevant, exclude)
    options = {
      "requests": questions.kind,
      "seen": seen,
      "users": questions.users,
      "id_of_item": self.ids.id_of_item,
      "head": self.head,
    }

    def rows_of(system: str, ranked: np.ndarray, **more) -> list[dict]:
      found = results.evaluate(
        ranked, relevant, system=system, **more, **options
      )
      if exclude is None:
        found += self._graded(system, ranked, questions)
      return found

    found, items = self._search(questions, self.config.beam, exclude)
    rows = rows_of(self.name, items, ranked_ids=found.ids)
    if self.before and exclude is None:
      found, items = self._search(
        questions, self.config.beam, None, self.before
      )
      rows += rows_of(BEFORE, items, ranked_ids=found.ids)
    k = self.config.beam
    for floor, ranked in self.floors.rank(questions, k=k, exclude=exclude):
      rows += rows_of(floor, ranked)
    return rows

  def _graded(
    self, system: str, ranked: np.ndarray, questions: Questions
  ) -> list[dict]:
    """Rows by grades, where people graded the pages."""
    if self.grades is None:
      return []
    return graded.graded_rows(
      ranked,
      *request_lists.judged(questions.requests, questions.rows, self.grades),
      system=system,
      requests=questions.kind,
      users=questions.users,
    )

  def beam_rows(self, questions: Questions, beam: int) -> dict:
    """Recall@10 at the item level with a beam of this width."""
    questions = questions.first(self.config.beam_requests)
    _, items = self._search(questions, beam, None)
    hits = metrics.hit_matrix(items, questions.targets)
    recall = metrics.recall(hits, questions.targets.sizes, k=10)
    figure = intervals.bootstrap(recall[:, None], groups=questions.users)
    return {"requests": questions.kind, "beam": beam} | _row(figure)

  def hallucination(self, questions: Questions) -> dict:
    """Share of the free beam's IDs that name nothing."""
    questions = questions.first(self.config.beam_requests)
    found = self.retriever.free_search(
      *self._prompts(questions), beam_size=self.config.free_beam
    )
    invalid = (found.ids < 0).mean(axis=1)
    figure = intervals.bootstrap(invalid[:, None], groups=questions.users)
    return {"requests": questions.kind} | _row(figure)


def _row(figure: intervals.Interval) -> dict:
  return {
    "value": float(figure.value[0]),
    "low": float(figure.low[0]),
    "high": float(figure.high[0]),
    "n": int(figure.n[0]),
  }


def _figures(evaluation: _Evaluation) -> dict:
  """All figures, with a bar that moves as they come."""
  config = evaluation.config
  found = {"results": [], "beams": [], "hallucination": []}
  steps = len(evaluation.questions) * (3 + len(config.beams))
  with tqdm(total=steps, desc="evaluate", unit="table", file=sys.stderr) as bar:
    for questions in evaluation.questions:
      for seen in ("kept", "out"):
        # Without anything seen both are the same.
        if seen == "kept" or len(questions.seen.rows):
          found["results"] += evaluation.results(questions, seen)
          release_freed_memory()
        bar.update()
      found["hallucination"].append(evaluation.hallucination(questions))
      bar.update()
      for beam in config.beams:
        found["beams"].append(evaluation.beam_rows(questions, beam))
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
    evaluation = _Evaluation(
      config.name,
      settings,
      data,
      vectors,
      tokenized,
      aligned or generator,
      before=generator if aligned else None,
      dual=dual,
    )
    text = json.dumps(_figures(evaluation), default=list)
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
