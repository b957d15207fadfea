"""Hits of one generator at several beam widths.

Every width is a search of its own: the first ten of a beam of 100 are better
than a beam of 10, and would flatter what a narrow search gives. At the level of
IDs a request is hit where one of the `b` IDs of a beam of `b` names a clicked
item. At the level of items the IDs give way to their items, the most popular of
an ID first, and the first `b` of them count: the same number of answers for
every arm, however many items its IDs name.
"""

import dataclasses
import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from experiments.studies.id_search import search, trie_of
from gr_jax.artefacts import Artefact, build
from gr_jax.data.requests import TEST
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import metrics
from gr_jax.retrieval.items_of_ids import expand_items
from gr_jax.tokenizers.semantic_ids import SemanticIds

KINDS = ("semantic", "personalised")
LEVELS = ("id", "item")


@dataclasses.dataclass(frozen=True)
class BeamsConfig:
  """What is asked.

  Attributes:
    requests: of the test period, at most; the same for both kinds.
    beams: widths, narrow ones first.
    batch_size: requests per search.
    seed: draws the requests.
  """

  requests: int = 1000
  beams: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100)
  batch_size: int = 32
  seed: int = 0

  def __post_init__(self):
    if list(self.beams) != sorted(set(self.beams)):
      raise ValueError(
        f"evaluation.beams is {self.beams}; give widths in rising order."
      )


def asked(data: Data, config: BeamsConfig) -> list[EvalRequests]:
  """The questions of both kinds.

  Raises:
    ValueError: the test period has no search request.
  """
  drawn = draw_eval_requests(
    data.requests, split=TEST, count=config.requests, seed=config.seed
  )
  drawn = [questions for questions in drawn if questions.kind in KINDS]
  if not drawn:
    raise ValueError(
      "the test period has no request with a query and a click; take more "
      "users or a longer period."
    )
  return drawn


def popular_ids(semantic_ids: SemanticIds, popularity: np.ndarray):
  """ID rows `[M]` by the training clicks of all their items."""
  clicks = np.bincount(
    semantic_ids.id_of_item, popularity, minlength=semantic_ids.num_ids
  )
  return np.argsort(-clicks, kind="stable")


def _hits(ranked: np.ndarray, relevant: RowLists) -> np.ndarray:
  """`[R]` bool."""
  return metrics.hit_matrix(ranked, relevant).any(axis=1)


def measure(
  questions: EvalRequests,
  generator: Generator,
  semantic_ids: SemanticIds,
  popularity: np.ndarray,
  *,
  config: BeamsConfig,
) -> dict[str, np.ndarray]:
  """Columns `[R, beams]` of one kind of requests.

  `id` and `item` are hits (bool), `named` is how many items the IDs of the beam
  name, `popular` hits of the `b` most popular IDs: what no model is needed for.
  """
  rows, prompts = questions.rows, questions.prompts(generator.writer)
  trie = trie_of(semantic_ids)
  targets = questions.targets
  target_ids = RowLists(targets.offsets, semantic_ids.id_of_item[targets.rows])
  sizes = np.append(np.diff(semantic_ids.item_offsets), 0)
  popular = popular_ids(semantic_ids, popularity)
  columns = {name: [] for name in (*LEVELS, "named", "popular")}
  for beam in config.beams:
    ids = search(
      generator, prompts, trie, beam=beam, batch_size=config.batch_size
    )
    items = expand_items(ids, semantic_ids, popularity, k=beam)
    baseline = np.broadcast_to(popular[:beam], (len(rows), len(popular[:beam])))
    columns["id"].append(_hits(ids, target_ids))
    columns["item"].append(_hits(items, targets))
    columns["named"].append(sizes[ids].sum(axis=1))
    columns["popular"].append(_hits(baseline, target_ids))
  return {name: np.stack(column, 1) for name, column in columns.items()}


def count_hits(
  section: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  tokenized: Tokenized,
  generator: Generator,
) -> tuple[dict[str, dict[str, np.ndarray]], Artefact]:
  """`{kind: measure(kind)}`, kept in the folder `hits`."""
  config = BeamsConfig(**section)

  def make(directory: pathlib.Path) -> None:
    for questions in asked(data, config):
      columns = measure(
        questions,
        generator,
        tokenized.semantic_ids,
        data.catalogue.popularity,
        config=config,
      )
      np.savez_compressed(directory / f"{questions.kind}.npz", **columns)

  inputs = [generator.artefact.fingerprint, tokenized.artefact.fingerprint]
  artefact = build(workdir, "hits", section.to_dict(), inputs, make)
  found = {}
  for kind in KINDS:
    with np.load(artefact.directory / f"{kind}.npz") as file:
      found[kind] = dict(file)
  return found, artefact
