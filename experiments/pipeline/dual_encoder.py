"""Trains the dual encoder that stands beside the baselines (DPR)."""

import dataclasses
import pathlib
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.fitting import (
  load_params,
  on_devices,
  progress_bar,
  save_params,
)
from experiments.pipeline.prepare import Data
from experiments.pipeline.stages import Stages
from gr_jax.artefacts import Artefact, build, write_json
from gr_jax.data.requests import TRAIN, VALID
from gr_jax.data.row_lists import RowLists
from gr_jax.dense import ranking
from gr_jax.dual_encoder import encoding, training
from gr_jax.dual_encoder.network import DualEncoder, DualEncoderConfig
from gr_jax.dual_encoder.pairs import (
  PairWriter,
  mine_negatives,
  wanted_by_query,
)
from gr_jax.evaluation.baselines import bm25
from gr_jax.generators.prompts.writer import PromptWriter
from gr_jax.generators.training_examples.single import (
  TargetGroups,
  group_targets,
)
from gr_jax.nn.precision import dot_general
from gr_jax.training.optimizer import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class DualRanker:
  """A trained dual encoder over an indexed catalogue.

  Of its `query_vectors` `[Q + 1, Dv]` the last is zeros. It ranks all kinds of
  requests, so it needs nothing, and nothing of it is chosen (`TrainedRanker`).
  """

  model: DualEncoder
  params: Any
  index: ranking.DenseIndex
  writer: PromptWriter
  query_vectors: np.ndarray
  artefact: Artefact
  needs: tuple[str, ...] = ()
  choices: tuple[dict, ...] = ()

  def rank(
    self, requests: EvalRequests, *, k: int, exclude: RowLists | None
  ) -> np.ndarray:
    """`[R, k]` int32 catalogue rows, as every baseline gives them."""
    query = requests.queries
    encoded = encoding.encode_requests(
      self.model,
      self.params,
      *requests.prompts(self.writer),
      self.query_vectors[query],
    )
    return ranking.rank(self.index, np.asarray(encoded), k=k, exclude=exclude)


def train_dual_encoder(config: ConfigDict, stages: Stages) -> DualRanker:
  """The trained ranker, or the one that an earlier run left.

  Args:
    config: sections model (`DualEncoderConfig`), training (`DenseConfig`
      without its optimizer), optimizer, and `negatives`, `mined_from`,
      `hidden_share`, `precision`.
    stages: the prompts are those of the generator, without candidates. Queries
      that documents ask for themselves are not learned: DPR has the pairs of
      the logs.
  """
  data, vectors = stages.data, stages.vectors
  writer = stages.generator.writer.with_candidates(None)
  model = DualEncoder(
    DualEncoderConfig(**config.model),
    writer.num_tokens,
    writer.item_tokens.shape[1],
    dot_general(config.precision),
  )
  settings = training.DenseConfig(
    **config.training, optimizer=OptimizerConfig(**config.optimizer)
  )

  def make(directory: pathlib.Path) -> None:
    pairs = _logged_pairs(data)
    task = PairWriter(
      data.requests,
      pairs,
      writer,
      _mined(config, data, pairs),
      config.hidden_share,
    )
    bar = progress_bar("dual encoder", steps=settings.steps)
    devices = on_devices(stages.generator.mesh)
    with bar as (progress, history), devices:
      params = training.fit(
        model,
        task,
        vectors.items,
        vectors.queries,
        config=settings,
        progress=progress,
      )
    save_params(directory, params)
    write_json(directory / "history.json", history)

  inputs = [
    stage.artefact.fingerprint for stage in (data, vectors, stages.tokenized)
  ]
  inputs.append(repr(sorted(dataclasses.asdict(writer.config).items())))
  artefact = build(
    stages.workdir, "dual_encoder", config.to_dict(), inputs, make
  )
  params = load_params(artefact.directory)
  index = ranking.index_items(
    encoding.encode_items(model, params, vectors.items),
    data.catalogue.popularity,
  )
  queries = np.vstack((vectors.queries, np.zeros_like(vectors.items[:1])))
  return DualRanker(model, params, index, writer, queries, artefact)


def _logged_pairs(data: Data) -> TargetGroups:
  """Training pairs without those of documents that ask for themselves."""
  split = data.requests.split.copy()
  if data.logged is not None:
    split[data.logged :] = VALID
  requests = dataclasses.replace(data.requests, split=split)
  return group_targets(requests, split=TRAIN)


def _mined(config: ConfigDict, data: Data, pairs: TargetGroups) -> np.ndarray:
  """`[Q, negatives]` of BM25's best that no training request wanted."""
  requests, catalogue = data.requests, data.catalogue
  found = np.full((len(requests.queries), config.negatives), -1, np.int32)
  queries = np.unique(requests.query[pairs.request])
  queries = queries[queries >= 0]
  if not len(queries) or not config.negatives:
    return found
  state = bm25.fit(catalogue.texts, catalogue.popularity)
  ranked = np.full((len(found), config.mined_from), -1, np.int32)
  ranked[queries] = bm25.rank(
    state, requests.queries[queries], k=config.mined_from
  )
  return mine_negatives(
    ranked, wanted_by_query(pairs, requests), count=config.negatives
  )
