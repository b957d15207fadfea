"""Reads a source: catalogue and requests."""

import dataclasses
import inspect
import json
import pathlib

import numpy as np
from ml_collections import ConfigDict

from gr_jax.artefacts import Artefact, build, write_json
from gr_jax.choices import choose
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.cold_items import draw_cold, make_cold
from gr_jax.data.requests import Requests
from gr_jax.data.sources import (
  amazon_reviews,
  beir,
  complete_journey,
  graded_search,
  movielens,
  own_data,
)
from gr_jax.data.worlds import (
  lifelong_histories,
  lifelong_shop,
  shop_config,
  shop_world,
)
from gr_jax.fingerprints import fingerprint_files
from gr_jax.text.document_queries import (
  DocumentQueriesConfig,
  with_document_queries,
)


def _complete_journey(
  *, valid_weeks: int, test_weeks: int, max_households: int, max_exposures: int
):
  return complete_journey.load(
    complete_journey.CompleteJourneyConfig(
      valid_weeks, test_weeks, max_households, max_exposures
    )
  )


def _amazon_reviews(*, path: str, valid_trains: bool = False):
  return amazon_reviews.load(
    _folder(path, "with items.parquet and interactions.parquet"),
    valid_trains=valid_trains,
  )


def _movielens(*, path: str, valid_trains: bool = False):
  return movielens.load(
    _folder(path, "with ratings.dat and movies.dat of MovieLens"),
    valid_trains=valid_trains,
  )


def _own_data(*, path: str):
  return own_data.load(_folder(path, "that gr_jax.import_data wrote"))


def _ir_dataset(*, path: str, valid_share: float, seed: int):
  return beir.load(
    _folder(path, "with corpus.jsonl, queries.jsonl and qrels/, as BEIR's"),
    valid_share=valid_share,
    seed=seed,
  )


def _graded_search(*, path: str):
  return graded_search.load(
    _folder(path, "with items.parquet and judgments.parquet")
  )


def _shop_world(*, seed: int, **sizes):
  world = shop_world.generate(shop_config.ShopWorldConfig(**sizes), seed=seed)
  return world.catalogue, world.requests


def _lifelong_shop(*, seed: int, **sizes):
  config = lifelong_histories.LifelongConfig(**sizes)
  world = lifelong_shop.generate(config, seed=seed)
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


# Each loads a catalogue, requests and, where people graded pages, `grades [P]`.
SOURCES = {
  "complete_journey": _complete_journey,
  "amazon_reviews": _amazon_reviews,
  "graded_search": _graded_search,
  "ir_dataset": _ir_dataset,
  "movielens": _movielens,
  "own_data": _own_data,
  "shop_world": _shop_world,
  "lifelong_shop": _lifelong_shop,
}


_GRADES = "grades.npy"
_LOGGED = "logged.json"
IMPORT = "import.json"
"""The `own_data.import_flags` of a run on own data."""


@dataclasses.dataclass(frozen=True)
class Data:
  """The data of a run.

  Attributes:
    grades: The gains `[P]` float32 of the pages' entries, where people graded
      them. Those of the documents' own queries are 1.
    logged: The number of requests of the source, where documents have queries
      of their own; those come after.
  """

  catalogue: Catalogue
  requests: Requests
  artefact: Artefact
  grades: np.ndarray | None = None
  logged: int | None = None


def prepare(config: ConfigDict, workdir: pathlib.Path) -> Data:
  """Loads a source, or reads the copy of an earlier run.

  Args:
    config: The `source`, one of `SOURCES`, and the options of that source. May
      have `augment`, a section of `DocumentQueriesConfig` and a `seed`: then
      items have queries of their own. May have `cold_share`: of the items, a
      share drawn by `cold_seed` is taken out of the training period
      (`cold_items.make_cold`).
  """
  options = config.to_dict()
  source = options.pop("source")
  augment = options.pop("augment", {})
  draws = augment.pop("seed", 0)
  share, seed = options.pop("cold_share", 0.0), options.pop("cold_seed", 0)
  queries = DocumentQueriesConfig(**augment)
  load = choose("data.source", source, SOURCES)
  try:
    inspect.signature(load).bind(**options)
  except TypeError as error:
    raise ValueError(
      f"The data section does not fit source {source!r}: {error}; start from a "
      "config of that source."
    ) from error

  def make(directory: pathlib.Path) -> None:
    catalogue, requests, *graded = load(**options)
    if share:
      cold = draw_cold(len(catalogue), share=share, seed=seed)
      catalogue, requests, left = make_cold(catalogue, requests, cold)
      graded = [grades[left] for grades in graded]
    if queries.has_queries:
      write_json(directory / _LOGGED, len(requests))
    requests = with_document_queries(
      catalogue, requests, config=queries, rng=np.random.default_rng(draws)
    )
    if source == "own_data":
      flags = own_data.import_flags(pathlib.Path(options["path"]))
      write_json(directory / IMPORT, flags)
    catalogue.save(directory / "catalogue")
    requests.save(directory / "requests")
    for grades in graded:
      more = len(requests.page_item) - len(grades)
      grades = np.pad(grades, (0, more), constant_values=1)
      np.save(directory / _GRADES, grades)

  mark = fingerprint_files(options.get("path", ""))
  # What lies there counts, not how its place is spelt.
  section = config.to_dict() | ({"path": mark} if "path" in options else {})
  artefact = build(workdir, "data", section, [mark], make)
  grades, logged = (artefact.directory / name for name in (_GRADES, _LOGGED))
  return Data(
    Catalogue.load(artefact.directory / "catalogue"),
    Requests.load(artefact.directory / "requests"),
    artefact,
    np.load(grades) if grades.is_file() else None,
    json.loads(logged.read_text()) if logged.is_file() else None,
  )
