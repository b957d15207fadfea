"""What is measured of a generator and its baselines, on the same questions."""

import dataclasses

import numpy as np

from experiments.pipeline.baseline_rankings import Baselines
from experiments.pipeline.dual_encoder import DualRanker
from experiments.pipeline.embed import Vectors
from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from gr_jax.data import request_lists, row_lists
from gr_jax.data.requests import TEST, VALID
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import graded, intervals, metrics, results
from gr_jax.retrieval.retriever import (
  Retrieved,
  Retriever,
  expand_items,
  fully_seen_ids,
)

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
    unconstrained_beam: width of the search without a catalogue (hallucination).
    batch_size: requests per search.
    knn_window: positions between purchases that the item-item baseline pairs.
    knn_last: newest purchases that it reads.
    seed: draws the requests.
  """

  split: str = "test"
  requests: int = 2000
  beam: int = 100
  beams: tuple[int, ...] = (1, 10, 50, 100)
  beam_requests: int = 500
  unconstrained_beam: int = 10
  batch_size: int = 32
  knn_window: int = 3
  knn_last: int = 10
  seed: int = 0


class Evaluator:
  """Everything that the figures of one run are computed from.

  Args:
    name: of the generator among the systems.
    config: what is asked.
    data: catalogue and requests, and grades where there are some.
    vectors: of the baselines.
    tokenized: the IDs that the generator names.
    generator: whose answers are measured.
    before: the same before alignment, or None.
    dual: stands among the baselines, or None.
  """

  def __init__(
    self,
    name: str,
    config: EvaluationConfig,
    data: Data,
    vectors: Vectors,
    tokenized: Tokenized,
    generator: Generator,
    *,
    before: Generator | None = None,
    dual: DualRanker | None = None,
  ):
    self.name = name
    self.config = config
    self.catalogue = data.catalogue
    self.grades = data.grades
    self.ids = tokenized.semantic_ids
    self.writer = generator.writer
    self.baselines = Baselines(
      data,
      vectors,
      window=config.knn_window,
      last=config.knn_last,
      dual=dual,
    )
    self.head = metrics.head_items(data.catalogue.popularity)
    self.retriever = self._retriever(generator)
    self.before = self._retriever(before) if before else None
    self.questions = draw_eval_requests(
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

  def _search(
    self,
    questions: EvalRequests,
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
      *questions.prompts(self.writer), beam_size=beam, excluded=excluded
    )
    items = expand_items(
      found.ids, self.ids, self.catalogue.popularity, k=beam, seen=seen
    )
    return found, items

  def results(self, questions: EvalRequests, seen: str) -> list[dict]:
    """Rows of the generator and of every baseline on one kind of requests."""
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
    for baseline, ranked in self.baselines.rank(
      questions, k=k, exclude=exclude
    ):
      rows += rows_of(baseline, ranked)
    return rows

  def _graded(
    self, system: str, ranked: np.ndarray, questions: EvalRequests
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

  def beam_rows(self, questions: EvalRequests, beam: int) -> dict:
    """Recall@10 at the item level with a beam of this width."""
    questions = questions.first(self.config.beam_requests)
    _, items = self._search(questions, beam, None)
    hits = metrics.hit_matrix(items, questions.targets)
    recall = metrics.recall(hits, questions.targets.sizes, k=10)
    figure = intervals.bootstrap(recall[:, None], groups=questions.users)
    return {"requests": questions.kind, "beam": beam} | _row(figure)

  def hallucination(self, questions: EvalRequests) -> dict:
    """Share of the free beam's IDs that name nothing."""
    questions = questions.first(self.config.beam_requests)
    found = self.retriever.unconstrained_search(
      *questions.prompts(self.writer), beam_size=self.config.unconstrained_beam
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
