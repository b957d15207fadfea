"""Documents as queries for themselves, so that all of them can be named.

A generator can only name what it was taught to name, and most documents of a
collection are asked for by no training query. DSI learns to name a document
from its first words, NCI from stretches of it and from made-up queries. All of
them are training requests here; so is the title. Items of a shop are documents
like any other.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.pseudo_queries import pseudo_queries
from gr_jax.data.requests import CLICKED, TRAIN, Requests


@dataclasses.dataclass(frozen=True)
class DocumentQueriesConfig:
  """What every document asks for itself with; nothing where all are 0.

  Attributes:
    titles: 1 to ask with the title: what stands before the first full stop.
    segments: stretches of the text, the first of them its beginning (DSI's
      direct indexing), the others from random places (NCI).
    words: of a title or a stretch, at most.
    pseudo: made-up queries (`pseudo_queries`).
    pseudo_words: of each of them.

  Raises:
    ValueError: a number below 0, or queries without words.
  """

  titles: int = 0
  segments: int = 0
  words: int = 32
  pseudo: int = 0
  pseudo_words: int = 8

  def __post_init__(self):
    for name, number in dataclasses.asdict(self).items():
      least = 1 if name.endswith("words") else 0
      most = 1 if name == "titles" else number
      if not least <= number <= most:
        raise ValueError(
          f"{name} is {number}; make it {least} "
          + ("or 1." if name == "titles" else "or more.")
        )

  @property
  def asks(self) -> bool:
    """Whether documents ask at all."""
    return self.titles + self.segments + self.pseudo > 0


def with_document_queries(
  catalogue: Catalogue,
  requests: Requests,
  *,
  config: DocumentQueriesConfig,
  rng: np.random.Generator,
) -> Requests:
  """The requests, then training requests of every document for itself.

  Each document is a user of its own, without history; a text without words
  asks nothing.

  Args:
    catalogue: its texts are read; what is popular does not change.
    requests: kept as they are, with their rows.
    config: what the documents ask with.
    rng: draws places and words.
  """
  if not config.asks:
    return requests
  texts, item = [], []
  for row, found in enumerate(_asked(catalogue.texts.tolist(), config, rng)):
    texts += found
    item += [row] * len(found)
  return _appended(catalogue, requests, texts, np.array(item, np.int32))


def _asked(
  texts: list[str], config: DocumentQueriesConfig, rng: np.random.Generator
) -> Iterator[list[str]]:
  """The queries of every text."""
  made_up = pseudo_queries(
    texts, count=config.pseudo, words=config.pseudo_words, rng=rng
  )
  for text, made in zip(texts, made_up):
    title = text.partition(". ")[0].split()[: config.words]
    titles = [" ".join(title)] * config.titles if title else []
    yield (
      titles
      + _segments(text.split(), config.segments, config.words, rng)
      + made
    )


def _segments(
  text: list[str], segments: int, words: int, rng: np.random.Generator
) -> list[str]:
  if not text or not segments:
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
