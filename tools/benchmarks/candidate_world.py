"""Shops of any size whose requests have candidates: random numbers.

Items are of categories, which share words, a usual price and a direction of
vectors. A user buys in a few of them, popular items more often (Zipf), some
again, and has asked for some by two words. So links of items, words and
histories are about as sparse as those of a real log.
"""

import dataclasses

import numpy as np

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.requests import ORDERED, TEST, TRAIN, Requests
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.suffix import add_suffix

_DAY = 86_400


@dataclasses.dataclass(frozen=True)
class WorldSizes:
  """The sizes of a shop.

  Attributes:
    items: `N`.
    users: `U`.
    length: the number of purchases of a user.
    searches: the number of training requests of a user.
    categories: the number of categories.
    liked: the number of categories that a user buys in.
    repeated: the share of purchases that repeat an earlier one.
    words: the number of words of all texts.
    dimensions: `D` of the vectors.
    codes: the codes of the two levels below the category.
  """

  items: int
  users: int = 20_000
  length: int = 100
  searches: int = 4
  categories: int = 300
  liked: int = 12
  repeated: float = 0.4
  words: int = 20_000
  dimensions: int = 64
  codes: int = 256


@dataclasses.dataclass(frozen=True, eq=False)
class World:
  """A shop and its log; vectors are of nothing that the log counts.

  Attributes:
    catalogue: the items.
    requests: the last two of each user are of the test: a search and a basket.
    vectors: `[N, D]`.
    query_vectors: `[Q, D]`.
    semantic_ids: a category, two random codes, and a running number.
  """

  catalogue: Catalogue
  requests: Requests
  vectors: np.ndarray
  query_vectors: np.ndarray
  semantic_ids: SemanticIds


def make_world(sizes: WorldSizes) -> World:
  """The shop of these sizes, the same one in every process."""
  rng = np.random.default_rng(0)
  category = np.sort(rng.integers(sizes.categories, size=sizes.items))
  words = _words(sizes, category, rng)
  directions = rng.standard_normal((sizes.categories, sizes.dimensions))
  noise = rng.standard_normal((sizes.items, sizes.dimensions), np.float32)
  vectors = directions.astype(np.float32)[category] + noise
  bought = _purchases(sizes, category, rng)
  requests, asked = _requests(sizes, bought, words, rng)
  trained = bought[:, :-1].ravel()
  catalogue = Catalogue(
    item_ids=object_array([str(n) for n in range(sizes.items)]),
    texts=object_array([" ".join(f"w{w}" for w in row) for row in words]),
    categories=np.stack([category // 10, category], 1).astype(np.int32),
    category_names=_names(sizes.categories),
    values=np.exp(rng.standard_normal(sizes.items, np.float32)),
    popularity=np.bincount(trained, minlength=sizes.items),
  )
  codes = rng.integers(sizes.codes, size=(sizes.items, 2))
  ids = add_suffix(
    np.concatenate([category[:, None], codes], 1).astype(np.int32),
    (sizes.categories, sizes.codes, sizes.codes),
    priority=catalogue.popularity,
  )
  return World(catalogue, requests, vectors, vectors[asked], ids)


def _words(
  sizes: WorldSizes, category: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
  """`[N, 6]`: two of the category, four of the item, frequent ones more."""
  own = (sizes.words * rng.random((sizes.items, 4)) ** 3).astype(np.int64)
  of_category = rng.integers(sizes.words, size=(sizes.categories, 2))
  return np.concatenate([of_category[category], own], axis=1)


def _names(count: int) -> tuple[tuple[str, ...], ...]:
  coarse = [f"c{c}" for c in range(-(-count // 10))]
  fine = [f"{coarse[c // 10]} > f{c}" for c in range(count)]
  return tuple(coarse), tuple(fine)


def _purchases(
  sizes: WorldSizes, category: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
  """`[U, T]` items, oldest first."""
  shape = sizes.users, sizes.length
  first = np.searchsorted(category, np.arange(sizes.categories + 1))
  liked = rng.integers(sizes.categories, size=(sizes.users, sizes.liked))
  place = rng.integers(sizes.liked, size=shape)
  wanted = np.take_along_axis(liked, place, axis=1)
  room = first[wanted + 1] - first[wanted]
  # Of a category with n items the k-th is bought in proportion to 1 / k.
  rank = np.exp(rng.random(shape) * np.log(np.maximum(room, 1)))
  items = np.minimum(first[wanted] + rank.astype(np.int64), sizes.items - 1)
  again = rng.random(shape) < sizes.repeated
  earlier = (rng.random(shape) * np.arange(sizes.length)).astype(np.int64)
  repeats = np.take_along_axis(items, earlier, axis=1)
  return np.where(again, repeats, items)


def _requests(
  sizes: WorldSizes,
  bought: np.ndarray,
  words: np.ndarray,
  rng: np.random.Generator,
) -> tuple[Requests, np.ndarray]:
  """Some searches of each user, then a search and a basket of the test.

  Returns:
    The requests, and the item that each query is about.
  """
  U, T, S = sizes.users, sizes.length, sizes.searches
  offsets = np.arange(U + 1) * T
  place = np.sort(rng.integers(1, T - 1, size=(U, S)), axis=1)
  place = np.concatenate([place, np.full((U, 2), T - 1)], axis=1)
  target = np.take_along_axis(bought, place, axis=1)
  # The queries are those about some items; a request has one of them.
  asked = np.unique(target[:, : S + 1])
  query = np.searchsorted(asked, target)
  query[:, -1] = -1
  user = np.repeat(np.arange(U), S + 2)
  held_out = np.arange(S + 2) >= S
  time = np.arange(T) * _DAY
  requests = Requests(
    user_ids=object_array([str(u) for u in range(U)]),
    profiles=object_array([()] * U),
    user_offsets=offsets,
    event_item=bought.ravel().astype(np.int32),
    event_time=np.tile(time, U),
    user=user.astype(np.int32),
    time=time[place].ravel(),
    history_end=(offsets[:-1, None] + place).ravel(),
    query=query.ravel().astype(np.int32),
    split=np.tile(np.where(held_out, TEST, TRAIN), U).astype(np.int8),
    page_offsets=np.arange(len(user) + 1),
    page_item=target.ravel().astype(np.int32),
    page_kind=np.full(len(user), ORDERED, np.int8),
    page_value=np.zeros(len(user), np.float32),
    queries=object_array([f"w{a} w{b}" for a, b in words[asked][:, 1:3]]),
  )
  return requests, asked
