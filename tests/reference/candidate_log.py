"""The small world as the sources of candidates are asked by it."""

import functools

import numpy as np

from gr_jax.candidates.asked import Asked
from gr_jax.candidates.log import Log
from gr_jax.candidates.pairs import Pairs
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TEST, TRAIN
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
  counted = requests.user_offsets[:-1] + training_sequences(requests).sizes
  queries = np.arange(len(requests.queries))
  return Log(requests, counted, queries, vectors()[1])


def asked(*, split: int = TRAIN, shown: bool = True) -> Asked:
  """Sixteen requests of a split, each a row of its own."""
  rows = np.flatnonzero(log().requests.split == split)
  rows = np.random.default_rng(2).permutation(rows)[:16]
  return Asked(log(), rows[:, None], np.full(len(rows), shown))


def all_pairs(of: Asked) -> Pairs:
  """Every request with every item."""
  return Pairs(np.arange(of.num_requests * ITEMS), ITEMS)


def splits():
  return TRAIN, TEST
