"""Figures of a generator and its baselines on the same requests."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import jax
import numpy as np

from experiments.pipeline.baseline_rankings import Baselines
from experiments.pipeline.costs import latency
from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.examples import examples
from experiments.pipeline.prepare import Data
from experiments.pipeline.searches import Searches
from experiments.pipeline.train import TrainedGenerator
from experiments.pipeline.validation_choice import recall_row
from experiments.pipeline.value_figures import predicts_values
from gr_jax.data import request_lists
from gr_jax.data.requests import TEST, VALID
from gr_jax.data.row_lists import RowLists
from gr_jax.data.statistics import repeated
from gr_jax.data.target_values import TargetValues
from gr_jax.decoding.beams import BeamSize, answer_size
from gr_jax.evaluation import graded, intervals, metrics, results, worth
from gr_jax.evaluation.report import verdicts
from gr_jax.evaluation.results import Measured
from gr_jax.retrieval.retriever import Retriever
from gr_jax.tokenizers.semantic_ids import SemanticIds

SPLITS = {"valid": VALID, "test": TEST}
POPULARITY = "popularity"


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
  """Requests and searches of an evaluation.

  Attributes:
    split: "test", or "valid" while settings are being chosen; the settings of
      the baselines are chosen on "valid" for both.
    requests: the number of requests of each kind, at most; 0 = every one.
    beam: answers per request, also the largest cutoff that means something; or
      the beams kept after each level, of which the last are the answers.
    beams: widths of the plot of recall against beam.
    beam_requests: the number of requests of that plot, likewise.
    unconstrained_beam: width of the search without a catalogue (hallucination).
    batch_size: requests per search.
    knn_windows: the numbers of positions that purchases may be apart which the
      item-item baseline pairs, of which one is chosen on validation.
    knn_last: the numbers of newest purchases that it may read, likewise.
    ease_ridges: the weights of the squares of EASE, likewise; none leaves it
      out.
    second_look: the number of validation requests of each kind that the model
      and all baselines answer to warn of a model that is below one.
    seed: the seed of the sample of requests.
    kept: the number of answers of every system that are kept for each request.
    timed: the number of searches that are timed, one request alone and a batch;
      0 = none, as what searches one request is a program of its own.
  """

  split: str = "test"
  requests: int = 2000
  beam: BeamSize = 100
  beams: tuple[int, ...] = (1, 10, 50, 100)
  beam_requests: int = 500
  unconstrained_beam: int = 10
  batch_size: int = 32
  knn_windows: tuple[int, ...] = (3,)
  knn_last: tuple[int, ...] = (10,)
  ease_ridges: tuple[float, ...] = ()
  second_look: int = 500
  seed: int = 0
  kept: int = 0
  timed: int = 0

  def __post_init__(self):
    if not isinstance(self.beam, int):  # A list where it comes from a file.
      object.__setattr__(self, "beam", tuple(self.beam))


Ranking = tuple[str, str, np.ndarray, np.ndarray | None]
"""A system, its role, and its ranked items and IDs `[R, K]`, best first."""


class Evaluator:
  """Ranks the requests of an evaluation and takes the figures.

  The `generators` are by the names of their systems: the first is the model of
  the run, the others are what it was before.

  Attributes:
    requests: those that are ranked, of every kind.
    searches: those of the generators.
    answers: `KIND/SEEN/SYSTEM` to the first `kept` items `[R, kept]` of each
      request of these; empty where none are kept.
    found: a kind and a treatment of seen items to the model's answers `[R, K]`.
    reads_counts: whether the model reads counts of the training period.
  """

  def __init__(
    self,
    config: EvaluationConfig,
    data: Data,
    ids: SemanticIds,
    generators: Mapping[str, TrainedGenerator],
    baselines: Baselines,
  ):
    self.config = config
    self.requests = draw_eval_requests(
      data.requests,
      split=SPLITS[config.split],
      count=config.requests,
      seed=config.seed,
    )
    self._grades = data.grades
    self._head = metrics.head_items(data.catalogue.popularity)
    self._ids = ids
    self._baselines = baselines
    self._model, *_ = generators
    # Where the model says what answers are worth, all are paid for theirs.
    valued = predicts_values(generators[self._model])
    self._values = TargetValues(data.requests) if valued else None
    self.searches = Searches(
      {
        name: Retriever(
          one.model,
          one.params,
          ids,
          batch_size=config.batch_size,
          mesh=one.mesh,
        )
        for name, one in generators.items()
      },
      generators[self._model].writer,
      ids,
      data.catalogue.popularity,
    )
    # Counts know which IDs there are, so no beam is unconstrained.
    self.reads_counts = "counts" in generators[self._model].params
    self.answers: dict[str, np.ndarray] = {}
    self.found: dict[tuple[str, str], np.ndarray] = {}

  def sampled(self, requests: EvalRequests) -> dict:
    """How many requests are ranked, how many the split has, what is repeated.

    The share of the targets that users had before, see `statistics.repeated`.
    """
    names = {"requests": requests.kind, "split": self.config.split}
    repeats = repeated(requests.table, requests.rows)
    counts = {"n": len(requests.rows), "of": requests.available}
    return names | counts | {"repeated": repeats}

  def results(
    self, requests: EvalRequests, seen: str
  ) -> tuple[list[dict], list[dict]]:
    """Tidy rows of every system on one kind of requests.

    A baseline that ranks every request as `popularity` does is left out.

    Args:
      requests: the requests.
      seen: "kept", or "out" to take the seen items out of answers and targets.

    Returns:
      The rows of `results.rows`, and the rows `{"system", "requests", "seen",
      "share", "n"}` of the share of requests that a baseline ranks as
      `popularity` does: it has nothing to go by in them.
    """
    hidden = requests.hidden(seen)
    relevant = requests.relevant(hidden)
    rows, fallback = [], []
    model = popular = None
    for system, role, items, ids in self._rankings(requests, seen, hidden):
      names = {"system": system, "requests": requests.kind, "seen": seen}
      if system == POPULARITY:
        popular = items
      elif role == results.BASELINE and popular is not None:
        share = float((items == popular).all(axis=1).mean())
        fallback.append({**names, "share": share, "n": len(items)})
        if share == 1:
          continue
      if any(requests is one for one in self.requests):
        if self.config.kept:
          name = f"{requests.kind}/{seen}/{system}"
          self.answers[name] = items[:, : self.config.kept]
        if role == results.MODEL:
          self.found[requests.kind, seen] = items
      measured = self._measured(requests, relevant, items, ids, seen)
      if role == results.MODEL:
        model = measured
      rows += results.rows(
        measured,
        names | {"role": role},
        users=requests.users,
        model=None if role == results.MODEL else model,
      )
    return rows, fallback

  def _measured(
    self,
    requests: EvalRequests,
    relevant: RowLists,
    items: np.ndarray,
    ids: np.ndarray | None,
    seen: str,
  ) -> Measured:
    """All figures of one system on single requests."""
    found = results.measure(
      items,
      relevant,
      id_of_item=self._ids.id_of_item,
      ranked_ids=ids,
      head=self._head,
    )
    if self._values is not None:
      more = worth.measure(items, relevant, self._values, requests.rows)
      found = found.beside(more)
    if self._grades is not None and seen == "kept":
      judged = request_lists.judged(requests.table, requests.rows, self._grades)
      found = found.beside(graded.measure(items, *judged))
    return found

  def _rankings(
    self, requests: EvalRequests, seen: str, hidden: RowLists | None
  ) -> Iterator[Ranking]:
    beam = self.config.beam
    k = answer_size(beam)
    for name in self.searches.retrievers:
      role = results.MODEL if name == self._model else results.BEFORE
      # An earlier stage is compared once, on the plain answers.
      if role == results.MODEL or seen == "kept":
        ids, items = self.searches.items(
          name, requests, beam=beam, hidden=hidden
        )
        yield name, role, items, ids
    for name, items in self._baselines.rank(requests, k=k, exclude=hidden):
      yield name, results.BASELINE, items, None

  def beam_rows(self, requests: EvalRequests, beam: int) -> dict:
    """Recall@10 at the item level with a beam of this width."""

    def rank(
      part: EvalRequests, /, *, k: int, exclude: RowLists | None
    ) -> np.ndarray:
      del k  # The beam is what is compared.
      _, items = self.searches.items(
        self._model, part, beam=beam, hidden=exclude
      )
      return items

    figure = recall_row(rank, requests.first(self.config.beam_requests))
    return {"requests": requests.kind, "beam": beam} | figure

  def hallucination(self, requests: EvalRequests) -> dict:
    """Share of the unconstrained beam's IDs that name nothing."""
    requests = requests.first(self.config.beam_requests)
    found = self.searches.unconstrained(
      self._model, requests, beam=self.config.unconstrained_beam
    )
    invalid = (found.ids < 0).mean(axis=1)
    figure = intervals.bootstrap(invalid[:, None], groups=requests.users)
    return {"requests": requests.kind} | figure.row()

  def examples(self, texts: Sequence[str]) -> list[dict]:
    """Requests with answers (`examples`), as the headline treats seen items.

    Args:
      texts: `[N]` of the catalogue.
    """
    # Semantic requests are the personalised ones without their history.
    kinds = {one.kind: one for one in self.requests}
    if "personalised" in kinds:
      kinds.pop("semantic")
    treatments = verdicts.treatments(map(self.sampled, kinds.values()))
    rows = []
    for kind, requests in kinds.items():
      hidden = requests.hidden(treatments[kind])
      rows += examples(
        requests,
        self.found[kind, treatments[kind]],
        requests.relevant(hidden),
        texts=texts,
        seed=self.config.seed,
      )
    return rows

  def latency(self, model: TrainedGenerator) -> list[dict]:
    """The time of the model's searches (`costs.latency`), of one host alone."""
    # The last kind shows a history, where there are any.
    *_, requests = self.requests
    return latency(
      self.searches.retrievers[self._model],
      model,
      requests,
      beam=self.config.beam,
      # Other hosts would wait for what is only the first one's.
      times=self.config.timed if jax.process_count() == 1 else 0,
    )
