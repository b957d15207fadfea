"""The small world as the sources of candidates read it."""

import functools

import jax
import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.log import Log
from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.alike_users import AlikeUsers
from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.likeness import Likeness, like_texts, with_itself
from gr_jax.candidates.sources.next_item import NETWORK, NextItem
from gr_jax.candidates.sources.own import OwnItems
from gr_jax.candidates.sources.popularity import Popularity
from gr_jax.candidates.sources.query_items import QueryItems
from gr_jax.candidates.sources.sequence_links import (
  SameUsers,
  Windowed,
  count_pairs,
)
from gr_jax.candidates.sources.tastes import Tastes
from gr_jax.candidates.sources.words import Words
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.request_lists import training_event_ends, training_sequences
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.dense import sasrec_training
from gr_jax.dense.sasrec import SASRec
from gr_jax.text.encoder import unit_rows
from tests.reference import small_world

ITEMS = 60


@functools.cache
def vectors():
  """Vectors of items `[N, 5]` and of queries `[Q, 5]`."""
  rng = np.random.default_rng(1)
  requests = small_world.shop().requests
  sizes = ITEMS, len(requests.queries)
  return tuple(rng.normal(size=(size, 5)).astype(np.float32) for size in sizes)


@functools.cache
def log() -> Log:
  requests = small_world.shop().requests
  counted = training_event_ends(requests)
  queries = np.arange(len(requests.queries))
  return Log(requests, counted, queries, vectors()[1])


def batch(*, split: int = TRAIN, shown: bool = True) -> RequestBatch:
  """Sixteen requests of a split, each a row of its own."""
  rows = np.flatnonzero(log().requests.split == split)
  rows = np.random.default_rng(2).permutation(rows)[:16]
  return RequestBatch(log(), rows[:, None], np.full(len(rows), shown))


def all_pairs(of: RequestBatch) -> Pairs:
  """Every request with every item."""
  return Pairs(np.arange(of.num_requests * ITEMS), ITEMS)


def splits():
  return TRAIN, TEST


def facts() -> ItemFacts:
  items = small_world.shop().catalogue
  return ItemFacts(items.texts, items.categories, items.prices, vectors()[0])


@functools.cache
def next_item() -> NextItem:
  """Sequence models that are not trained, each with its own opinions."""
  model = SASRec(NETWORK, ITEMS)
  params = [sasrec_training.initial(model, length=4, seed=s) for s in (0, 1)]
  return NextItem(
    jax.tree.map(lambda x: 5 * np.asarray(x), params), num_items=ITEMS, most=8
  )


@functools.cache
def writer() -> CandidateWriter:
  """A writer of the small world with every source."""
  requests, items = log().requests, facts()
  sequences = training_sequences(requests)
  likeness = like_texts(unit_rows(items.vectors), keep=5)
  near = with_itself(likeness, 1.0)
  counts = count_pairs(sequences, num_items=ITEMS, window=3)
  finest = finest_category(items.categories)
  sources = (
    Windowed("windowed", counts),
    Windowed("lent", counts, after=near),
    SameUsers("same_users", sequences, num_items=ITEMS),
    Likeness("vectors", likeness),
    next_item(),
    AlikeUsers(sequences, num_items=ITEMS, most=8),
    OwnItems(finest, span=30_000.0),
    Popularity(requests, log().counted, num_items=ITEMS, most=8),
    QueryItems(requests, *vectors(), finest, most=8, near=4),
    Words(items.texts),
    Tastes(items.texts, items.categories, items.prices, items.vectors),
  )
  codes = small_world.semantic_ids().codes
  found = CandidateWriter(log(), sources, codes, size=20)
  found.standardise(batch().requests[:, 0], hidden_share=0.2)
  return found
