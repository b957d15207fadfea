"""Vectors of items and queries, cached on disk."""

import dataclasses
import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.from_data import decided_window
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact, build
from gr_jax.candidates.query_reader import QueryVectors
from gr_jax.fingerprints import fingerprint_files
from gr_jax.retrieval.query_vectors import EncodedQueries
from gr_jax.text import vectors
from gr_jax.text.encoder import TextEncoder, WordLlamaEncoder
from gr_jax.text.stored_vectors import load_vectors


@dataclasses.dataclass(frozen=True)
class Vectors:
  """Vectors of items and queries.

  Attributes:
    items: `[N, D]`.
    queries: `[Q, D]`.
    artefact: the stage.
    counted: the number of last columns of `queries` that tell what a query led
      to in training.
    counted_of_items: the number of those of `items` that tell what is bought
      together in training.
    encode: gives vectors of other queries; None where texts are not read.
  """

  items: np.ndarray
  queries: np.ndarray
  artefact: Artefact
  counted: int = 0
  counted_of_items: int = 0
  encode: QueryVectors | None = None


def embed(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  *,
  make_encoder: type[TextEncoder] = WordLlamaEncoder,
) -> Vectors:
  """Computes text beside purchases, or takes vectors that the user has.

  Args:
    config: The options of `VectorsConfig`; a `history_window` of -1 is decided
      by the data (`from_data`). With a `path`, the items' vectors
      are those of that file as they are, and the other options have no effect;
      those of the queries are in `query_path`, or means of the items that led
      from them in training. See `load_vectors` for both files.
    make_encoder: Makes the encoder of texts; called only where it is needed.
  """
  options = config.to_dict()
  paths = options.pop("path", ""), options.pop("query_path", "")
  if "history_window" in options:
    options["history_window"] = decided_window(
      options["history_window"], data.requests
    )
  settings = vectors.VectorsConfig(**options)
  if paths[1] and not paths[0]:
    raise ValueError(
      "vectors.query_path is set and vectors.path is empty; name the file of "
      "the items' vectors: --config.vectors.path=FILE."
    )
  inputs = [data.artefact.fingerprint]
  if paths[0]:
    # What lies there counts, not how its place is spelt.
    marks = [fingerprint_files(path) for path in paths]
    options |= {"path": marks[0], "query_path": marks[1]}

  def make(directory: pathlib.Path) -> None:
    if paths[0]:
      items, queries = _stored(data, *paths)
    else:
      encoder = make_encoder()
      items = vectors.item_vectors(
        data.catalogue, data.requests, encoder=encoder, config=settings
      )
      queries = vectors.query_vectors(
        data.requests, items, encoder=encoder, config=settings
      )
    np.save(directory / "items.npy", items)
    np.save(directory / "queries.npy", queries)

  artefact = build(workdir, "vectors", options, inputs, make)
  items = np.load(artefact.directory / "items.npy")
  counted = counted_of_items = settings.dimensions
  if paths[0]:
    counted, counted_of_items = 0 if paths[1] else items.shape[1], 0
  queries = np.load(artefact.directory / "queries.npy")
  encode = (
    None if paths[0] else EncodedQueries(settings.text_weight, make_encoder)
  )
  return Vectors(items, queries, artefact, counted, counted_of_items, encode)


def _stored(
  data: Data, path: str, query_path: str
) -> tuple[np.ndarray, np.ndarray]:
  items = load_vectors(pathlib.Path(path), data.catalogue.item_ids)
  if not query_path:
    return items, vectors.mean_target_vectors(data.requests, items)
  queries = load_vectors(
    pathlib.Path(query_path),
    data.requests.queries,
    key="query",
    width=items.shape[1],
  )
  return items, queries
