"""Documents as queries for themselves, so that all of them can be named.

A generator can only name what it was taught to name, and most documents of a
collection are the answer of no training query. DSI learns to name a document
from its first words, NCI from stretches of it and from made-up queries. All of
them are training requests here; so is the title. Items of a shop are documents
like any other.
"""

import collections
import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.requests import CLICKED, TRAIN, Requests
from gr_jax.text.words import split_words, text_pieces


@dataclasses.dataclass(frozen=True)
class DocumentQueriesConfig:
  """The queries of every document for itself; none where all are 0.

  Attributes:
    titles: 1 for a query that is the title: the text up to a full stop.
    segments: The number of stretches of the text, the first of them its
      beginning (DSI's direct indexing), the others from random places (NCI).
    words: The number of words of a title or a stretch, at most.
    pseudo: The number of made-up queries (`pseudo_queries`).
    pseudo_words: The number of words of each of them.

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
  def has_queries(self) -> bool:
    """True if documents have queries at all."""
    return self.titles + self.segments + self.pseudo > 0


def with_document_queries(
  catalogue: Catalogue,
  requests: Requests,
  *,
  config: DocumentQueriesConfig,
  rng: np.random.Generator,
) -> Requests:
  """Appends training requests of every document for itself.

  Each document is a user of its own, without history; a text without words
  has no request.

  Args:
    catalogue: The documents; their texts are read, their popularity stays.
    requests: The requests that come first, as they are.
    config: The kinds and numbers of queries.
    rng: The generator that draws places and words.
  """
  if not config.has_queries:
    return requests
  documents = catalogue.texts.tolist()
  made_up = pseudo_queries(
    documents, count=config.pseudo, words=config.pseudo_words, rng=rng
  )
  queries = [
    _own_words(text, config, rng) + made
    for text, made in zip(documents, made_up)
  ]
  item = np.repeat(np.arange(len(queries)), [len(found) for found in queries])
  texts = list(itertools.chain.from_iterable(queries))
  return _appended(catalogue, requests, texts, item)


def _own_words(
  text: str, config: DocumentQueriesConfig, rng: np.random.Generator
) -> list[str]:
  """Returns the title of a text and stretches of it."""
  pieces = text_pieces(text)
  if not pieces:
    return []
  title = text_pieces(text.partition(". ")[0])
  starts = []
  if config.segments:
    last = max(0, len(pieces) - config.words)
    starts = [0, *rng.integers(0, last + 1, config.segments - 1).tolist()]
  parts = [title] * (config.titles if title else 0)
  parts += [pieces[start:] for start in starts]
  return ["".join(part[: config.words]).strip() for part in parts]


def pseudo_queries(
  texts: Sequence[str], *, count: int, words: int, rng: np.random.Generator
) -> list[list[str]]:
  """Makes up `count` queries of every text, of up to `words` distinct words.

  NCI and DSI-QG ask a language model what a document answers. Here a query is
  a few words that few other documents have, drawn without repeats with the
  weights of TF-IDF ([OURS]: no other model, a second for thousands of them):

    w(t, d) = log(1 + tf(t, d)) ln(N / df(t))

  Words stand in the order of their first place in the text. A word that all
  texts have is never drawn; a text with no other words has none.

  Args:
    texts: The texts of `N` documents.
    count: The number of queries of each.
    words: The number of words of a query, at most.
    rng: The generator that draws the words.
  """
  owner, term, names, found = _terms(texts)
  weight = np.log1p(found) * np.log(
    len(texts) / np.maximum(1, np.bincount(term, minlength=len(names)))[term]
  )
  kept = weight > 0
  owner, term, weight = owner[kept], term[kept], weight[kept]
  bounds = np.searchsorted(owner, np.arange(len(texts) + 1))
  out = [[] for _ in range(len(texts))]
  for _ in range(count):
    # The largest of these are a draw without repeats (Efraimidis, Spirakis).
    keys = np.log(rng.random(len(weight))) / weight
    for row, (begin, end) in enumerate(itertools.pairwise(bounds)):
      if end > begin:
        best = np.argsort(-keys[begin:end], kind="stable")[:words]
        out[row].append(" ".join(names[term[begin + np.sort(best)]]))
  return out


def _terms(
  texts: Sequence[str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
  """Counts words: document, word and count of each pair, and the words.

  Documents ascend, and the words of one stand as in it.
  """
  numbers: dict[str, int] = {}
  owner, term, found = [], [], []
  for row, text in enumerate(texts):
    counts = collections.Counter(
      numbers.setdefault(word, len(numbers)) for word in split_words(text)
    )
    owner += [row] * len(counts)
    term += counts.keys()
    found += counts.values()
  rows, terms, totals = np.array([owner, term, found], np.int64)
  return rows, terms, object_array(list(numbers)), totals


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
    # Before all others, so that no split becomes another one.
    time=more("time", np.full(count, requests.time.min(initial=0))),
    history_end=more("history_end", np.full(count, events)),
    query=more("query", len(requests.queries) + np.arange(count)),
    split=more("split", np.full(count, TRAIN)),
    page_offsets=more("page_offsets", pages + 1 + np.arange(count)),
    page_item=more("page_item", item),
    page_kind=more("page_kind", np.full(count, CLICKED)),
    page_value=more("page_value", np.zeros(count)),
    own_item=more("own_item", np.full(count, -1)),
    queries=np.append(requests.queries, object_array(texts)),
  )
