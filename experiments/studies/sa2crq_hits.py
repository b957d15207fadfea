"""Asks one arm of the SA2CRQ study and keeps what came out."""

import dataclasses
import pathlib
from collections.abc import Iterator

import numpy as np
from ml_collections import ConfigDict

from experiments.stages.choices import chosen
from experiments.stages.dual_encoder import DualRanker
from experiments.stages.prepare import Data
from experiments.stages.questions import Questions, draw_questions
from experiments.stages.tokenize import Tokenized
from experiments.stages.train import Generator
from experiments.studies.sa2crq_measure import (
  CUTOFFS,
  expanded,
  measure,
  segments_of,
)
from experiments.studies.sa2crq_search import DECODINGS, name_ids, trie_of
from gr_jax.artefacts import Artefact, build
from gr_jax.data.requests import TEST, VALID
from gr_jax.evaluation.floors import bm25

SPLITS = {"valid": VALID, "test": TEST}

# Of one arm and seed: kind of requests -> decoding -> segment -> figures.
Found = dict[str, dict[str, dict[str, np.ndarray]]]


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


def asked(data: Data, config: HitsConfig) -> list[Questions]:
  """The requests of every kind.

  Raises:
    ValueError: an unknown split, or one without requests of a kind.
  """
  split = chosen("evaluation.split", config.split, SPLITS)
  drawn = draw_questions(
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
  segments = segments_of(popularity)

  def figures(questions: Questions) -> Iterator[tuple[str, dict]]:
    trie = trie_of(ids)
    for decoding in DECODINGS:
      named = name_ids(
        questions,
        generator,
        trie,
        decoding=decoding,
        beam=config.beam,
        batch_size=config.batch_size,
      )
      items = expanded(named, ids, popularity)
      yield decoding, measure(items, questions.targets, segments, ids=named)

  inputs = [generator.artefact.fingerprint, tokenized.artefact.fingerprint]
  return _kept(section, workdir, data, inputs, figures)


def ask_bm25(
  section: ConfigDict, workdir: pathlib.Path, data: Data
) -> tuple[Found, Artefact]:
  """The words of the query in the texts of the items."""
  popularity = data.catalogue.popularity
  state = bm25.fit(data.catalogue.texts, popularity)

  def figures(questions: Questions) -> Iterator[tuple[str, dict]]:
    queries = data.requests.queries[data.requests.query[questions.rows]]
    items = bm25.rank(state, queries, k=max(CUTOFFS))
    yield (
      "catalogue",
      measure(items, questions.targets, segments_of(popularity)),
    )

  return _kept(section, workdir, data, [data.artefact.fingerprint], figures)


def ask_dual_encoder(
  section: ConfigDict, workdir: pathlib.Path, data: Data, dual: DualRanker
) -> tuple[Found, Artefact]:
  """The nearest items of a request's vector."""
  segments = segments_of(data.catalogue.popularity)

  def figures(questions: Questions) -> Iterator[tuple[str, dict]]:
    items = dual.rank(questions, k=max(CUTOFFS), exclude=None)
    yield "catalogue", measure(items, questions.targets, segments)

  return _kept(section, workdir, data, [dual.artefact.fingerprint], figures)


def _kept(
  section: ConfigDict, workdir: pathlib.Path, data: Data, inputs, figures
) -> tuple[Found, Artefact]:
  config = HitsConfig(**section)

  def make(directory: pathlib.Path) -> None:
    for questions in asked(data, config):
      columns = {
        f"{decoding}/{segment}": values
        for decoding, found in figures(questions)
        for segment, values in found.items()
      }
      np.savez_compressed(directory / f"{questions.kind}.npz", **columns)

  artefact = build(workdir, "hits", section.to_dict(), inputs, make)
  found: Found = {}
  for kind in config.kinds:
    found[kind] = {}
    with np.load(artefact.directory / f"{kind}.npz") as file:
      for name in file:
        decoding, segment = name.split("/")
        found[kind].setdefault(decoding, {})[segment] = file[name]
  return found, artefact
