"""The candidates of a finished run, as its generator was trained with them."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.live import LiveCandidates
from gr_jax.candidates.query_reader import QueryReader
from gr_jax.candidates.saved import CANDIDATES, load, num_items
from gr_jax.data.catalogue import Catalogue
from gr_jax.generators.reading import AnyVocabulary
from gr_jax.retrieval.query_vectors import query_vectors
from gr_jax.text.vectors import without_counts
from gr_jax.tokenizers.semantic_ids import SemanticIds


def live_candidates(
  directory: pathlib.Path,
  manifests: dict[str, Any],
  catalogue: Catalogue,
  vectors: np.ndarray,
  ids: SemanticIds,
  vocabulary: AnyVocabulary,
) -> LiveCandidates | None:
  """The candidates that were counted when the generator was trained.

  Items that an update added stand behind those that were counted.
  """
  section = manifests["generator"]["section"]
  if not section.get("candidates", {}).get("size"):
    return None
  folder = directory / "generator" / CANDIDATES
  made = manifests["vectors"]["section"]
  counted = 0 if made.get("path") else made["dimensions"]
  items = ItemFacts(
    catalogue.texts,
    catalogue.categories,
    catalogue.prices,
    without_counts(vectors, counted),
  )
  known = min(num_items(folder), len(catalogue))
  columns = items.texts, items.categories, items.prices, items.vectors
  first = ItemFacts(*(column[:known] for column in columns))
  found = load(folder, first, ids.codes[:known])
  encode = query_vectors(directory / "vectors", made, found.query_rows)
  reader = QueryReader(vocabulary.known_words).with_items(first.texts.tolist())
  found = dataclasses.replace(found, query_vectors=encode, reader=reader)
  return found if known == len(catalogue) else found.grown(items, ids.codes)
