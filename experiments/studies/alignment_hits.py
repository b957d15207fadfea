"""Hits of one generator on requests of the test period.

Every request is asked as it was logged, with the history and, if it has one,
the query. Ten IDs are searched. A click is hit where one of the first ten (or
the first) names an item that was clicked or ordered, an exposure where one of
the ten names an item of the page, whatever became of it.
"""

import dataclasses
import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from experiments.studies.id_search import search
from gr_jax.artefacts import Artefact, build
from gr_jax.data import request_lists, row_lists
from gr_jax.data.requests import TEST, Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.decoding.trie import build_trie
from gr_jax.evaluation import metrics
from gr_jax.rl.prompts import clicked_requests
from gr_jax.tokenizers.semantic_ids import SemanticIds

FIGURES = ("click@1", "click@10", "exposure@10")
_BEAM = 10


@dataclasses.dataclass(frozen=True)
class HitsConfig:
  """What is asked.

  Attributes:
    requests: of the test period, at most; each led to a click.
    batch_size: requests per search.
    seed: draws the requests.
  """

  requests: int = 2000
  batch_size: int = 64
  seed: int = 0


def asked(requests: Requests, config: HitsConfig) -> np.ndarray:
  """`[R]` rows; the same for all arms and seeds."""
  rows = clicked_requests(requests, split=TEST)
  rng = np.random.default_rng(config.seed)
  return rng.permutation(rows)[: config.requests]


def pages(requests: Requests, rows: np.ndarray) -> RowLists:
  """The distinct items of each page."""
  whole = row_lists.from_spans(
    requests.page_item,
    requests.page_offsets[rows],
    requests.page_offsets[rows + 1],
  )
  return row_lists.distinct(whole)


def hit_columns(
  ids: np.ndarray,
  requests: Requests,
  rows: np.ndarray,
  semantic_ids: SemanticIds,
) -> np.ndarray:
  """`[R, 3]` bool, a column per figure.

  Args:
    ids: `[R, 10]` ID rows, best first.
    requests: with their pages.
    rows: `[R]` of them.
    semantic_ids: of the catalogue.
  """

  def hits(items: RowLists) -> np.ndarray:
    wanted = RowLists(items.offsets, semantic_ids.id_of_item[items.rows])
    return metrics.hit_matrix(ids, wanted)

  clicks = hits(request_lists.targets(requests, rows))
  shown = hits(pages(requests, rows))
  columns = (clicks[:, 0], clicks.any(axis=1), shown.any(axis=1))
  return np.stack(columns, axis=1)


def count_hits(
  section: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  tokenized: Tokenized,
  generator: Generator,
) -> tuple[np.ndarray, Artefact]:
  """`[R, 3]` hits, kept in the folder `hits`."""
  config = HitsConfig(**section)
  requests, ids = data.requests, tokenized.semantic_ids

  def make(directory: pathlib.Path) -> None:
    rows = asked(requests, config)
    prompts = (
      generator.writer.prompts(rows, shown=np.ones(len(rows), bool)),
      generator.writer.queries(requests.query[rows]),
    )
    found = search(
      generator,
      jax.tree.map(np.asarray, prompts),
      build_trie(ids.ids, ids.level_sizes),
      beam=_BEAM,
      batch_size=config.batch_size,
    )
    np.save(directory / "hits.npy", hit_columns(found, requests, rows, ids))

  inputs = [generator.artefact.fingerprint, tokenized.artefact.fingerprint]
  artefact = build(workdir, "hits", section.to_dict(), inputs, make)
  return np.load(artefact.directory / "hits.npy"), artefact
