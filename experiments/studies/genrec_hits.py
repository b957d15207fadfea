"""Hits, hallucinations and rewards of one generator of the GenRec study."""

import dataclasses
import functools
import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.stages.choices import chosen
from experiments.stages.prepare import Data
from experiments.stages.questions import Questions, draw_questions
from experiments.stages.tokenize import Tokenized
from experiments.stages.train import Generator
from experiments.studies.beams import search
from gr_jax.artefacts import Artefact, build
from gr_jax.data.requests import TEST, VALID
from gr_jax.decoding.free_beam_search import free_beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.evaluation import metrics
from gr_jax.evaluation.row_lists import RowLists
from gr_jax.serving.retriever import generator_functions

CUTOFFS = (1, 10, 50)
KINDS = ("personalised", "next_basket")
SPLITS = {"valid": VALID, "test": TEST}


@dataclasses.dataclass(frozen=True)
class HitsConfig:
  """What is asked.

  Attributes:
    split: "test", or "valid" while settings are being chosen.
    requests: of each kind at most.
    free_beam: width of the search without a catalogue.
    batch_size: requests per search.
    seed: draws the requests.
  """

  split: str = "test"
  requests: int = 500
  free_beam: int = 10
  batch_size: int = 32
  seed: int = 0


def asked(data: Data, config: HitsConfig) -> list[Questions]:
  """Requests with a history: with a query, and with none.

  Raises:
    ValueError: an unknown split, or one that has none.
  """
  split = chosen("evaluation.split", config.split, SPLITS)
  drawn = draw_questions(
    data.requests, split=split, count=config.requests, seed=config.seed
  )
  drawn = [questions for questions in drawn if questions.kind in KINDS]
  if not drawn:
    raise ValueError(f"the {config.split} period has no request with a click.")
  return drawn


def request_rows(questions: list[Questions]) -> np.ndarray:
  """`[R]` rows of all questions, kind after kind."""
  return np.concatenate([one.rows for one in questions])


@functools.partial(jax.jit, static_argnames=("model", "beam"))
def _free(params, batch, trie, *, model, beam):
  functions = generator_functions(model)
  return free_beam_search(*functions, params, batch, trie, beam_size=beam).ids


def _invalid(generator, prompts, trie, config: HitsConfig) -> np.ndarray:
  """`[R]` share of the free beam that names nothing."""
  total, size = len(prompts[1]), config.batch_size
  found = []
  for start in range(0, total, size):
    rows = np.arange(start, start + size)
    rows = np.where(rows < total, rows, start)
    batch = jax.tree.map(lambda x, rows=rows: x[rows], prompts)
    found.append(
      _free(
        generator.params,
        batch,
        trie,
        model=generator.model,
        beam=config.free_beam,
      )
    )
  ids = np.concatenate(jax.device_get(found))[:total]
  return (ids < 0).mean(axis=1)


def measure(
  questions: list[Questions],
  generator: Generator,
  tokenized: Tokenized,
  *,
  config: HitsConfig,
) -> dict[str, np.ndarray]:
  """Of all questions: `hits [R, 3]` at `CUTOFFS`, `invalid [R]`, `top [R, 10]`.

  `top` are rows of the table of IDs, -1 = none. A hit is an ID that names a
  clicked item: point-wise search, whatever the generator learned.
  """
  ids = tokenized.semantic_ids
  # Room for any IDs of this catalogue: one compilation serves all seeds.
  trie = build_trie(
    ids.ids, ids.level_sizes, capacity=len(ids), branches=ids.level_sizes
  )
  parts = []
  for one in questions:
    writer, rows = generator.writer, one.rows
    prompts = (
      writer.prompts(rows, shown=np.ones(len(rows), bool)),
      writer.queries(one.requests.query[rows]),
    )
    found = search(
      generator,
      prompts,
      trie,
      beam=max(CUTOFFS),
      batch_size=config.batch_size,
    )
    targets = one.targets
    relevant = RowLists(targets.offsets, ids.id_of_item[targets.rows])
    hits = metrics.hit_matrix(found, relevant)
    parts.append(
      {
        "hits": np.stack([hits[:, :k].any(axis=1) for k in CUTOFFS], axis=1),
        "invalid": _invalid(generator, prompts, trie, config),
        "top": found[:, :10],
      }
    )
  return {
    name: np.concatenate([part[name] for part in parts]) for name in parts[0]
  }


def count_hits(
  section: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  tokenized: Tokenized,
  generator: Generator,
) -> tuple[dict[str, np.ndarray], Artefact]:
  """`measure`, kept in the folder `hits`."""
  config = HitsConfig(**section)

  def make(directory: pathlib.Path) -> None:
    found = measure(asked(data, config), generator, tokenized, config=config)
    np.savez_compressed(directory / "hits.npz", **found)

  inputs = [generator.artefact.fingerprint, tokenized.artefact.fingerprint]
  artefact = build(workdir, "hits", section.to_dict(), inputs, make)
  with np.load(artefact.directory / "hits.npz") as file:
    return dict(file), artefact
