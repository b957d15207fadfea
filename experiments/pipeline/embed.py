"""Vectors of items and queries, cached on disk."""

import dataclasses
import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact, build
from gr_jax.text import vectors
from gr_jax.text.encoder import TextEncoder, WordLlamaEncoder


@dataclasses.dataclass(frozen=True)
class Vectors:
  """`items [N, D]`, `queries [Q, D]`."""

  items: np.ndarray
  queries: np.ndarray
  artefact: Artefact


def embed(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  *,
  make_encoder: type[TextEncoder] = WordLlamaEncoder,
) -> Vectors:
  """Text beside purchases, for items and queries."""
  settings = vectors.VectorsConfig(**config)

  def make(directory: pathlib.Path) -> None:
    encoder = make_encoder()
    items = vectors.item_vectors(
      data.catalogue, data.requests, encoder=encoder, config=settings
    )
    queries = vectors.query_vectors(
      data.requests, items, encoder=encoder, config=settings
    )
    np.save(directory / "items.npy", items)
    np.save(directory / "queries.npy", queries)

  artefact = build(
    workdir, "vectors", config.to_dict(), [data.artefact.fingerprint], make
  )
  return Vectors(
    np.load(artefact.directory / "items.npy"),
    np.load(artefact.directory / "queries.npy"),
    artefact,
  )
