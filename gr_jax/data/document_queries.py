"""Documents as queries for themselves, so that all of them can be named.

A generator can only name what it was taught to name, and most documents of a
collection are asked for by no training query. DSI learns to name a document
from its first words, NCI from stretches of it as well (and from made-up
queries, which need another model). Both are training requests here.
"""

import dataclasses

import numpy as np

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.requests import CLICKED, TRAIN, Requests


def with_document_queries(
  catalogue: Catalogue,
  requests: Requests,
  *,
  segments: int,
  words: int,
  rng: np.random.Generator,
) -> Requests:
  """The requests, then `segments` training requests of every document.

  The first asks with the first `words` words of the text (DSI's direct
  indexing), the others with as many from a random place (NCI). Each document
  is a user of its own, without history; a text without words asks nothing.

  Args:
    catalogue: its texts are read; what is popular does not change.
    requests: kept as they are, with their rows.
    segments: of every document.
    words: of each of them.
    rng: draws the places.

  Raises:
    ValueError: no segments or no words.
  """
  if segments < 1 or words < 1:
    raise ValueError(
      f"segments ({segments}) and words ({words}) must both be 1 or more."
    )
  texts, item = [], []
  for row, text in enumerate(catalogue.texts.tolist()):
    found = _segments(text.split(), segments, words, rng)
    texts += found
    item += [row] * len(found)
  return _appended(catalogue, requests, texts, np.array(item, np.int32))


def _segments(
  text: list[str], segments: int, words: int, rng: np.random.Generator
) -> list[str]:
  if not text:
    return []
  last = max(0, len(text) - words)
  starts = [0, *rng.integers(0, last + 1, segments - 1).tolist()]
  return [" ".join(text[start : start + words]) for start in starts]


def _appended(
  catalogue: Catalogue,
  requests: Requests,
  texts: list[str],
  item: np.ndarray,
) -> Requests:
  count, documents = len(texts), len(catalogue)
  events, pages = len(requests.event_item), len(requests.page_item)
  users = [f"document {name}" for name in catalogue.item_ids.tolist()]

  def more(name: str, added: np.ndarray) -> np.ndarray:
    old = getattr(requests, name)
    return np.concatenate((old, added.astype(old.dtype)))

  return dataclasses.replace(
    requests,
    user_ids=np.append(requests.user_ids, object_array(users)),
    profiles=np.append(requests.profiles, object_array([()] * documents)),
    user_offsets=more("user_offsets", np.full(documents, events)),
    user=more("user", len(requests.user_ids) + item),
    time=more("time", np.zeros(count)),
    history_end=more("history_end", np.full(count, events)),
    query=more("query", len(requests.queries) + np.arange(count)),
    split=more("split", np.full(count, TRAIN)),
    page_offsets=more("page_offsets", pages + 1 + np.arange(count)),
    page_item=more("page_item", item),
    page_kind=more("page_kind", np.full(count, CLICKED)),
    page_value=more("page_value", np.zeros(count)),
    queries=np.append(requests.queries, object_array(texts)),
  )
