"""The sources of candidates, from the data of a run."""

import functools

import numpy as np
from scipy import sparse

from experiments.pipeline.embed import Vectors
from experiments.pipeline.fitting import progress_bar
from gr_jax.candidates.sources import next_item
from gr_jax.candidates.sources.alike_users import LARGEST, AlikeUsers
from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.likeness import Likeness, like_texts, with_itself
from gr_jax.candidates.sources.links import Links
from gr_jax.candidates.sources.next_item import FOLDS, NextItem
from gr_jax.candidates.sources.own import OwnItems
from gr_jax.candidates.sources.popularity import Popularity
from gr_jax.candidates.sources.query_items import QueryItems
from gr_jax.candidates.sources.sequence_links import (
  SameUsers,
  Windowed,
  count_pairs,
  strongest,
)
from gr_jax.candidates.sources.source import Source
from gr_jax.candidates.sources.tastes import Tastes
from gr_jax.candidates.sources.word_matrix import word_matrix
from gr_jax.candidates.sources.words import Words
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.request_lists import (
  training_event_ends,
  training_log,
)
from gr_jax.data.requests import Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.dense.sasrec_training import has_next
from gr_jax.text.encoder import unit_rows
from gr_jax.text.words import index_words

# Places that pairs are apart: the items of a basket have no order.
_WINDOW, _WINDOW_OF_BASKETS = 3, 10

# Items of the history that are proposed, where users choose items again.
_OWN = 256

# Items up to which all are compared with all.
_COMPARED = 30_000

# Similar items that lend an item their pairs.
_LENDERS = 20


class Sources:
  """The sources of a catalogue, of any log of its items.

  What no log teaches is computed once for all logs.

  Args:
    catalogue: the items.
    vectors: of items and queries, of nothing that a log counted.
    single_items: whether users choose items one by one
      (`from_data.leads_to_single_items`), or baskets.
    sequence_steps: of the training of sequence models, 0 = there are none.
  """

  def __init__(
    self,
    catalogue: Catalogue,
    vectors: Vectors,
    *,
    single_items: bool,
    sequence_steps: int = 0,
  ):
    self._catalogue, self._vectors = catalogue, vectors
    self._window = _WINDOW if single_items else _WINDOW_OF_BASKETS
    self._sequence_steps = sequence_steps

  def of(self, log: Requests) -> tuple[Source, ...]:
    """The sources of the training period of a log."""
    counted, size = training_event_ends(log), len(self._catalogue)
    sequences, times = training_log(log)
    finest = finest_category(self._catalogue.categories)
    return (
      *self._links(sequences),
      *self._next_item(sequences, times),
      *self._alike_users(sequences),
      OwnItems(
        finest,
        span=usual_span(log),
        most=_OWN if chosen_again(log, counted) else 0,
      ),
      Popularity(log, counted, num_items=size),
      QueryItems(log, self._vectors.items, self._vectors.queries, finest),
      self._words,
      self._tastes,
    )

  def _links(self, sequences: RowLists) -> list[Links]:
    """Items that go with those of the history; none without histories."""
    size = len(self._catalogue)
    if not len(sequences.rows):
      return []
    counts = count_pairs(sequences, num_items=size, window=self._window)
    found: list[Links] = [
      Windowed("windowed", counts),
      Windowed("newest", counts, last=1),
      SameUsers("same_users", sequences, num_items=size),
    ]
    if size > _COMPARED:
      return found
    texts, near = self._like_texts
    found += [
      Windowed("lent", counts, after=near),
      Windowed("borrowed", counts, before=near),
      Likeness("texts", texts),
      Likeness("newest_text", texts, last=1),
      Likeness("vectors", self._like_vectors),
    ]
    return found

  def _next_item(
    self, sequences: RowLists, times: np.ndarray
  ) -> list[NextItem]:
    """Sequence models; none where nothing follows, or of many items."""
    size = len(self._catalogue)
    follows = has_next(sequences, times)
    if not follows or not self._sequence_steps or size > _COMPARED:
      return []
    steps = FOLDS * self._sequence_steps
    with progress_bar("sequences", steps=steps) as (progress, _):
      found = next_item.fit(
        sequences,
        times,
        num_items=size,
        steps=self._sequence_steps,
        progress=progress,
      )
    return [found]

  def _alike_users(self, sequences: RowLists) -> list[AlikeUsers]:
    """Other users; none without histories or of many users."""
    if not len(sequences.rows) or len(sequences) > LARGEST:
      return []
    return [AlikeUsers(sequences, num_items=len(self._catalogue))]

  @functools.cached_property
  def _words(self) -> Words:
    return Words(self._catalogue.texts)

  @functools.cached_property
  def _tastes(self) -> Tastes:
    one = self._catalogue
    return Tastes(one.texts, one.categories, one.prices, self._vectors.items)

  @functools.cached_property
  def _like_texts(self):
    """`[N, N]` both: the likeness of texts, and what the nearest lend."""
    texts = like_texts(tfidf(self._catalogue))
    nearest = strongest(texts, keep=_LENDERS, scale=np.ones(texts.shape[0]))
    return texts, with_itself(nearest, 1.0)

  @functools.cached_property
  def _like_vectors(self):
    return like_texts(unit_rows(self._vectors.items), power=6)


def tfidf(catalogue: Catalogue) -> sparse.csr_array:
  """`[N, V]` unit rows, `log(1 + N / df)` of words and categories."""
  words = word_matrix(
    [
      [*index_words(text), *(f"category {c}" for c in enumerate(path))]
      for text, path in zip(catalogue.texts, catalogue.categories.tolist())
    ]
  )
  weight = np.log(1 + len(catalogue) / np.maximum(words.sum(axis=0), 1))
  scaled = (words @ sparse.diags_array(weight)).tocsr()
  norms = np.sqrt(scaled.multiply(scaled).sum(axis=1))
  share = 1 / np.maximum(norms, 1e-9)
  return (sparse.diags_array(share) @ scaled).tocsr().astype(np.float32)


def chosen_again(log: Requests, counted: np.ndarray) -> bool:
  """Whether some user chose an item twice before the events `counted` `[U]`."""
  trained = np.arange(len(log.event_item)) < counted[log.event_user]
  users, items = log.event_user[trained], log.event_item[trained]
  keys = users.astype(np.int64) * (items.max(initial=0) + 1) + items
  return len(np.unique(keys)) < len(keys)


def usual_span(log: Requests) -> float:
  """The median time from the first to the last event of a user."""
  first, end = log.user_offsets[:-1], log.user_offsets[1:]
  some = end > first
  spans = log.event_time[end[some] - 1] - log.event_time[first[some]]
  return float(np.median(spans)) if len(spans) else 1.0
