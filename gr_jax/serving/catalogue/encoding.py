"""Semantic IDs for items that come after training.

The vector of a new item is what the run's own vectors are, with nothing in the
part that purchases fill: nobody bought it yet. The tokenizer that the run
fitted codes it, with the item's category where the first code is one, and the
run's policy on collisions completes the ID. No ID that was given moves.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from gr_jax.data.batches import padded_batches
from gr_jax.retrieval.load import Artefacts
from gr_jax.serving.catalogue.items import Items, NewItem
from gr_jax.serving.requests import Invalid, shown
from gr_jax.tokenizers.semantic_ids import SemanticIds

_ROWS = 64  # Encoded at once, so that one shape is compiled.

Encode = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(vectors `[n, D]`, categories `[n]`) -> codes `[n, L]`."""


class ItemEncoder:
  """Codes new items; `prepare` loads what only that needs.

  Args:
    artefacts: of the run.
  """

  def __init__(self, artefacts: Artefacts):
    self._artefacts = artefacts
    self._parts: tuple[Any, Encode] | None = None
    self._lock = threading.Lock()

  def prepare(self) -> None:
    """Loads the text encoder and compiles the tokenizer's."""
    with self._lock:
      if self._parts is None:
        from gr_jax.text.encoder import WordLlamaEncoder

        encode = _tokenizer(self._artefacts)
        nothing = np.zeros((1, self._artefacts.vector_width), np.float32)
        _in_chunks(encode, nothing, np.full(1, -1, np.int32))
        self._parts = WordLlamaEncoder(), encode

  def codes(self, new: Sequence[NewItem], items: Items) -> np.ndarray:
    """`[n, L]` whole IDs of items that have no row yet.

    Raises:
      Invalid: a vector of the wrong width, or an unknown category.
      ValueError: a level that is full.
    """
    self.prepare()
    text, encode = self._parts
    vectors = self._vectors(new, text)
    categories = items.category_columns(new)
    depth = self._artefacts.category_depth
    first = np.full(len(new), -1, np.int32)
    if depth and categories.shape[1]:
      first = categories[:, min(depth, categories.shape[1]) - 1]
    codes = _in_chunks(encode, vectors, first)
    return completed(codes, items.semantic_ids, self._artefacts.collisions)

  def _vectors(self, new: Sequence[NewItem], text) -> np.ndarray:
    width = self._artefacts.vector_width
    vectors = np.zeros((len(new), width), np.float32)
    if not self._artefacts.stored_vectors:
      parts = text.encode([item.text for item in new])
      vectors[:, : parts.shape[1]] = parts * self._artefacts.text_weight
    for row, item in zip(vectors, new):
      if item.vector is None and self._artefacts.stored_vectors:
        raise Invalid(
          f"item {shown(item.item_id)} has no vector; this run's come from a "
          f"file, so a new item brings its {width} numbers."
        )
      if item.vector is not None:
        if len(item.vector) != width:
          raise Invalid(
            f"item {shown(item.item_id)} has a vector of {len(item.vector)} "
            f"numbers; this catalogue's have {width}."
          )
        row[:] = item.vector
    return vectors


def completed(
  codes: np.ndarray, ids: SemanticIds, collisions: str
) -> np.ndarray:
  """`[n, L]` IDs from the tokenizer's codes, by the run's policy.

  Raises:
    ValueError: a level that is full.
  """
  # Imported late: the first item needs it, the start does not.
  from gr_jax.tokenizers import cluster_split
  from gr_jax.tokenizers import collisions as policies

  match collisions:
    case "suffix":
      nothing = np.zeros(len(codes))
      appended = policies.append_suffix(ids, codes, priority=nothing)
    case "split":
      appended = cluster_split.append_to_clusters(ids, codes)
    case _:  # Items may share an ID; none that was given is moved.
      appended = ids.append(codes)
  return appended.codes[len(ids) :]


def _in_chunks(encode: Encode, vectors, categories) -> np.ndarray:
  batches = padded_batches((vectors, categories), _ROWS)
  return np.concatenate([encode(*batch) for batch in batches])[: len(vectors)]


def _tokenizer(artefacts: Artefacts) -> Encode:
  """The encoder of the run's recipe, told by its section of the config."""
  from flax import serialization

  path = artefacts.directory / "tokenizer" / "state.msgpack"
  state = serialization.msgpack_restore(path.read_bytes())
  section = artefacts.tokenizer_section
  if "vae" not in section:
    return _rq_kmeans(state)
  if "tau_items" in section:
    return _sarq(state, section, artefacts.dot_general)
  return _rq_vae(state, section, artefacts.dot_general)


def _rq_kmeans(state: dict) -> Encode:
  from gr_jax.tokenizers import rq_kmeans

  books = _levels(state)
  return lambda vectors, _: rq_kmeans.encode(books, vectors)


def _vae(section: dict, dot_general):
  from gr_jax.tokenizers import rq_vae

  return rq_vae.RqVaeConfig(
    hidden=tuple(section["vae"]["hidden"]),
    latent=section["vae"]["latent"],
    levels=tuple(section["vae"]["levels"]),
    dot_general=dot_general,
  )


def _sarq(state: dict, section: dict, dot_general) -> Encode:
  """Nobody has bought a new item: SA2CRQ codes it as one of the tail."""
  from gr_jax.tokenizers import adaptive_depth, sarq

  paths = state["paths"]
  fitted = sarq.SarqState(
    params=jax.tree.map(jax.numpy.asarray, state["params"]),
    codebooks=_levels(state["codebooks"]),
    paths=adaptive_depth.PathBudgets(
      _levels(paths["tables"]),
      jax.numpy.asarray(paths["budgets"]),
      jax.numpy.asarray(paths["new_prior"]),
    ),
  )
  config = sarq.SarqConfig(
    _vae(section, dot_general), tau_items=tuple(section["tau_items"])
  )
  return lambda vectors, _: sarq.encode(fitted, vectors, config=config)


def _rq_vae(state: dict, section: dict, dot_general) -> Encode:
  """CQ-SID's `encode` is RQ-VAE's where no category is known."""
  from gr_jax.tokenizers import cq_sid, rq_vae

  config = cq_sid.CqSidConfig(vae=_vae(section, dot_general))
  fitted = rq_vae.RqVaeState(
    params=jax.tree.map(jax.numpy.asarray, state["params"]),
    codebooks=_levels(state["codebooks"]),
    # Only training reads the rest.
    optimizer=None,
    memory=None,
    step=None,
  )
  return lambda vectors, categories: cq_sid.encode(
    fitted, vectors, categories=categories, config=config
  )


def _levels(stored: dict) -> tuple[jax.Array, ...]:
  """A tuple, which is stored as a dictionary of its places."""
  return tuple(jax.numpy.asarray(stored[str(l)]) for l in range(len(stored)))
