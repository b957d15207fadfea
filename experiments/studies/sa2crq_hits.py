"""Asks one arm of the SA2CRQ study and keeps what came out."""

import dataclasses
import pathlib
from collections.abc import Iterator

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.dual_encoder import DualRanker
from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.evaluator import SPLITS
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from experiments.studies.id_search import DECODINGS, search, trie_of
from experiments.studies.sa2crq_measure import (
  CUTOFFS,
  expanded,
  measure,
  segments_of,
)
from gr_jax.artefacts import Artefact, build
from gr_jax.choices import choose
from gr_jax.evaluation.baselines import bm25

# Of one arm and seed: kind of requests -> decoding -> segment -> figures.
Found = dict[str, dict[str, dict[str, np.ndarray]]]
# (kind of requests, decoding, segment -> figures), one after the other.
Figures = Iterator[tuple[str, str, dict[str, np.ndarray]]]


@dataclasses.dataclass(frozen=True)
class HitsConfig:
  """What is asked.

  Attributes:
    split: "test", or "valid" while settings are being chosen.
    kinds: of requests.
    requests: of each kind at most.
    beam: IDs per request.
    batch_size: requests per search.
    seed: draws the requests.
  """

  split: str = "test"
  kinds: tuple[str, ...] = ("semantic", "personalised")
  requests: int = 800
  beam: int = 200
  batch_size: int = 32
  seed: int = 0


def asked(data: Data, config: HitsConfig) -> list[EvalRequests]:
  """The requests of every kind.

  Raises:
    ValueError: an unknown split, or one without requests of a kind.
  """
  split = choose("evaluation.split", config.split, SPLITS)
  drawn = draw_eval_requests(
    data.requests, split=split, count=config.requests, seed=config.seed
  )
  found = {questions.kind: questions for questions in drawn}
  for kind in config.kinds:
    if kind not in found:
      raise ValueError(
        f"evaluation.kinds has {kind!r}, of which the {config.split} period "
        f"has no request with a click; there are: {', '.join(found)}."
      )
  return [found[kind] for kind in config.kinds]


def ask_generator(
  section: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  tokenized: Tokenized,
  generator: Generator,
) -> tuple[Found, Artefact]:
  """Both searches, kept in the folder `hits`."""
  config = HitsConfig(**section)
  ids, popularity = tokenized.semantic_ids, data.catalogue.popularity

  def figures(drawn: list[EvalRequests]) -> Figures:
    trie, segments = trie_of(ids), segments_of(popularity)
    for questions in drawn:
      prompts = questions.prompts(generator.writer)
      for decoding in DECODINGS:
        named = search(
          generator,
          prompts,
          trie,
          beam=config.beam,
          batch_size=config.batch_size,
          decoding=decoding,
        )
        items = expanded(named, ids, popularity)
        told = measure(items, questions.targets, segments, ids=named)
        yield questions.kind, decoding, told

  inputs = [generator.artefact.fingerprint, tokenized.artefact.fingerprint]
  return _kept(section, workdir, data, inputs, figures)


def ask_bm25(
  section: ConfigDict, workdir: pathlib.Path, data: Data
) -> tuple[Found, Artefact]:
  """The words of the query in the texts of the items."""
  popularity = data.catalogue.popularity

  def figures(drawn: list[EvalRequests]) -> Figures:
    state = bm25.fit(data.catalogue.texts, popularity)
    segments = segments_of(popularity)
    for questions in drawn:
      queries = data.requests.queries[data.requests.query[questions.rows]]
      items = bm25.rank(state, queries, k=max(CUTOFFS))
      told = measure(items, questions.targets, segments)
      yield questions.kind, "catalogue", told

  return _kept(section, workdir, data, [data.artefact.fingerprint], figures)


def ask_dual_encoder(
  section: ConfigDict, workdir: pathlib.Path, data: Data, dual: DualRanker
) -> tuple[Found, Artefact]:
  """The nearest items of a request's vector."""

  def figures(drawn: list[EvalRequests]) -> Figures:
    segments = segments_of(data.catalogue.popularity)
    for questions in drawn:
      items = dual.rank(questions, k=max(CUTOFFS), exclude=None)
      told = measure(items, questions.targets, segments)
      yield questions.kind, "catalogue", told

  return _kept(section, workdir, data, [dual.artefact.fingerprint], figures)


def _kept(
  section: ConfigDict, workdir: pathlib.Path, data: Data, inputs, figures
) -> tuple[Found, Artefact]:
  config = HitsConfig(**section)

  def make(directory: pathlib.Path) -> None:
    columns = {kind: {} for kind in config.kinds}
    for kind, decoding, told in figures(asked(data, config)):
      columns[kind] |= {f"{decoding}/{name}": told[name] for name in told}
    for kind in config.kinds:
      np.savez_compressed(directory / f"{kind}.npz", **columns[kind])

  artefact = build(workdir, "hits", section.to_dict(), inputs, make)
  found: Found = {}
  for kind in config.kinds:
    found[kind] = {}
    with np.load(artefact.directory / f"{kind}.npz") as file:
      for name in file:
        decoding, segment = name.split("/")
        found[kind].setdefault(decoding, {})[segment] = file[name]
  return found, artefact
