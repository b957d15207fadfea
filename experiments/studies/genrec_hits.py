"""Hits, hallucinations and rewards of one generator of the GenRec study."""

import dataclasses
import functools
import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.evaluator import SPLITS
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from experiments.studies.id_search import search, trie_of
from gr_jax.artefacts import Artefact, build
from gr_jax.choices import choose
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import metrics

CUTOFFS = (1, 10, 50)
KINDS = ("personalised", "next_basket")


@dataclasses.dataclass(frozen=True)
class HitsConfig:
  """What is asked.

  Attributes:
    split: "test", or "valid" while settings are being chosen.
    requests: of each kind at most.
    unconstrained_beam: width of the search without a catalogue.
    batch_size: requests per search.
    seed: draws the requests.
  """

  split: str = "test"
  requests: int = 500
  unconstrained_beam: int = 10
  batch_size: int = 32
  seed: int = 0


def asked(data: Data, config: HitsConfig) -> list[EvalRequests]:
  """Requests with a history: with a query, and with none.

  Raises:
    ValueError: an unknown split, or one that has none.
  """
  split = choose("evaluation.split", config.split, SPLITS)
  drawn = draw_eval_requests(
    data.requests, split=split, count=config.requests, seed=config.seed
  )
  drawn = [questions for questions in drawn if questions.kind in KINDS]
  if not drawn:
    raise ValueError(f"the {config.split} period has no request with a click.")
  return drawn


def request_rows(questions: list[EvalRequests]) -> np.ndarray:
  """`[R]` rows of all questions, kind after kind."""
  return np.concatenate([one.rows for one in questions])


def measure(
  questions: list[EvalRequests],
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
  trie = trie_of(ids)
  parts = []
  for one in questions:
    ask = functools.partial(
      search,
      generator,
      one.prompts(generator.writer),
      trie,
      batch_size=config.batch_size,
    )
    found = ask(beam=max(CUTOFFS))
    free = ask(beam=config.unconstrained_beam, decoding="free")
    targets = one.targets
    relevant = RowLists(targets.offsets, ids.id_of_item[targets.rows])
    hits = metrics.hit_matrix(found, relevant)
    parts.append(
      {
        "hits": np.stack([hits[:, :k].any(axis=1) for k in CUTOFFS], axis=1),
        "invalid": (free < 0).mean(axis=1),
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
