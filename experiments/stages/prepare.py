"""Reads a source: catalogue and requests."""

import dataclasses
import hashlib
import inspect
import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.stages.choices import chosen
from gr_jax.artefacts import Artefact, build
from gr_jax.data import (
  amazon_reviews,
  complete_journey,
  ir_dataset,
  own_data,
)
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.document_queries import with_document_queries
from gr_jax.data.requests import Requests
from gr_jax.data.worlds import shop_config, shop_world


def _complete_journey(
  *, valid_weeks: int, test_weeks: int, max_households: int, max_exposures: int
):
  return complete_journey.load(
    complete_journey.CompleteJourneyConfig(
      valid_weeks, test_weeks, max_households, max_exposures
    )
  )


def _amazon_reviews(*, path: str):
  return amazon_reviews.load(
    _folder(path, "with items.parquet and interactions.parquet")
  )


def _own_data(*, path: str):
  return own_data.load(_folder(path, "that tools/import_data.py wrote"))


def _ir_dataset(*, path: str, segments: int, segment_words: int, seed: int):
  """Each document is asked for by `segments` stretches of itself; 0 = none."""
  catalogue, requests, _ = ir_dataset.load(
    _folder(path, "with corpus.jsonl, queries.jsonl and qrels/, as BEIR's")
  )
  if segments:
    requests = with_document_queries(
      catalogue,
      requests,
      segments=segments,
      words=segment_words,
      rng=np.random.default_rng(seed),
    )
  return catalogue, requests


def _shop_world(*, seed: int, **sizes):
  world = shop_world.generate(shop_config.ShopWorldConfig(**sizes), seed=seed)
  return world.catalogue, world.requests


def _folder(path: str, content: str) -> pathlib.Path:
  if not path:
    raise ValueError(
      f"data.path is empty; name the folder {content}: "
      "--config.data.path=FOLDER."
    )
  if not pathlib.Path(path).is_dir():
    raise FileNotFoundError(
      f"data.path is {path}, which is no folder; name the one {content}."
    )
  return pathlib.Path(path)


SOURCES = {
  "complete_journey": _complete_journey,
  "amazon_reviews": _amazon_reviews,
  "ir_dataset": _ir_dataset,
  "own_data": _own_data,
  "shop_world": _shop_world,
}


@dataclasses.dataclass(frozen=True)
class Data:
  """What was read, and the mark of where it came from."""

  catalogue: Catalogue
  requests: Requests
  artefact: Artefact


def prepare(config: ConfigDict, workdir: pathlib.Path) -> Data:
  """Loads a source, or reads what an earlier run left of it.

  Args:
    config: `source`, one of `SOURCES`, and the options of that source.
    workdir: of the run.
  """
  options = config.to_dict()
  source = options.pop("source")
  load = chosen("data.source", source, SOURCES)
  try:
    inspect.signature(load).bind(**options)
  except TypeError as error:
    raise ValueError(
      f"The data section does not fit source {source!r}: {error}; start from a "
      "config of that source."
    ) from error

  def make(directory: pathlib.Path) -> None:
    catalogue, requests = load(**options)
    catalogue.save(directory / "catalogue")
    requests.save(directory / "requests")

  mark = _mark_of_files(options.get("path", ""))
  artefact = build(workdir, "data", config.to_dict(), [mark], make)
  return Data(
    Catalogue.load(artefact.directory / "catalogue"),
    Requests.load(artefact.directory / "requests"),
    artefact,
  )


def _mark_of_files(name: str) -> str:
  """Changes when a file under the folder `name` does."""
  path = pathlib.Path(name)
  if not name or not path.exists():
    return ""
  stats = sorted(
    (str(file.relative_to(path)), file.stat().st_size, file.stat().st_mtime_ns)
    for file in path.rglob("*")
    if file.is_file()
  )
  return hashlib.sha256(repr(stats).encode()).hexdigest()[:16]
