"""Vectors have a part of text and a part of purchases."""

import dataclasses

import numpy as np

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.requests import (
  EXPOSED,
  ORDERED,
  TEST,
  TRAIN,
  VALID,
  Requests,
)
from gr_jax.text.vectors import (
  VectorsConfig,
  item_vectors,
  query_vectors,
  training_baskets,
  without_counts,
)

CONFIG = VectorsConfig(dimensions=2, text_weight=2.0, copurchase_weight=0.5)


class LengthEncoder:
  """One coordinate, or the other, by the parity of the length."""

  dimensions = 2

  def encode(self, texts):
    return np.eye(2, dtype=np.float32)[[len(text) % 2 for text in texts]]


def catalogue(n=6) -> Catalogue:
  return Catalogue(
    item_ids=object_array([str(i) for i in range(n)]),
    texts=object_array(["x" * i for i in range(n)]),
    categories=np.zeros((n, 0), np.int32),
    category_names=(),
    values=np.zeros(n, np.float32),
    popularity=np.zeros(n, np.int64),
  )


def requests(pages, *, split, query, time) -> Requests:
  """One user with a request per page; a page is [(item, kind)]."""
  flat = [entry for page in pages for entry in page]
  n = len(pages)
  return Requests(
    user_ids=object_array(["u"]),
    profiles=object_array([()]),
    user_offsets=np.array([0, 3]),
    event_item=np.array([0, 1, 2], np.int32),
    event_time=np.array([0, 1, 2]),
    user=np.zeros(n, np.int32),
    time=np.array(time, np.int64),
    history_end=np.minimum(np.array(time, np.int64), 3),
    query=np.array(query, np.int32),
    split=np.array(split, np.int8),
    page_offsets=np.append(0, np.cumsum([len(page) for page in pages])),
    page_item=np.array([item for item, _ in flat], np.int32),
    page_kind=np.array([kind for _, kind in flat], np.int8),
    page_value=np.zeros(len(flat), np.float32),
    queries=object_array(["aa", "b", "never"]),
  )


def trip(split=TRAIN) -> Requests:
  """A trip with two searches, a second trip, and one of the test split."""
  return requests(
    [
      [(0, ORDERED), (1, ORDERED), (5, EXPOSED)],
      [(0, ORDERED), (5, EXPOSED)],
      [(1, ORDERED)],
      [(2, ORDERED), (3, ORDERED)],
      [(3, ORDERED), (4, ORDERED)],
    ],
    split=[TRAIN, TRAIN, TRAIN, TRAIN, split],
    query=[-1, 0, 1, -1, 1],
    time=[1, 1, 1, 2, 3],
  )


def test_one_moment_is_one_basket_and_exposures_are_left_out():
  offsets, items = training_baskets(trip(VALID), window=0)
  baskets = [b.tolist() for b in np.split(items, offsets[1:-1])]
  assert baskets == [[0, 1], [2, 3]]


def test_a_window_adds_the_newest_of_the_past():
  offsets, items = training_baskets(trip(TEST), window=1)
  baskets = [b.tolist() for b in np.split(items, offsets[1:-1])]
  assert baskets == [[0, 1], [1, 2, 3]]


def test_item_vectors_are_weighted_text_beside_weighted_purchases():
  vectors = item_vectors(
    catalogue(), trip(VALID), encoder=LengthEncoder(), config=CONFIG
  )
  assert vectors.shape == (6, 4)
  assert vectors.dtype == np.float32
  np.testing.assert_allclose(np.linalg.norm(vectors[:, :2], axis=1), 2)
  lengths = np.linalg.norm(vectors[:, 2:], axis=1)
  np.testing.assert_allclose(lengths, [0.5] * 4 + [0, 0], atol=1e-6)


def test_held_out_pages_change_no_vector():
  validation = trip(TEST)
  other = dataclasses.replace(
    validation,
    page_item=np.where(validation.page_item == 4, 0, 4).astype(np.int32),
  )
  start = validation.page_offsets[4]
  page_item = validation.page_item.copy()
  page_item[start:] = other.page_item[start:]
  changed = dataclasses.replace(validation, page_item=page_item)
  for make in (items_of, queries_of):
    np.testing.assert_array_equal(make(validation), make(changed))


def items_of(source):
  return item_vectors(
    catalogue(), source, encoder=LengthEncoder(), config=CONFIG
  )


def queries_of(source):
  return query_vectors(
    source, items_of(source), encoder=LengthEncoder(), config=CONFIG
  )


def test_query_vectors_point_to_what_was_bought_for_them():
  source = trip(VALID)
  items, queries = items_of(source), queries_of(source)
  np.testing.assert_allclose(queries[:2, :2], [[2, 0], [0, 2]])
  np.testing.assert_allclose(queries[0, 2:], items[0, 2:], atol=1e-6)
  np.testing.assert_allclose(queries[1, 2:], items[1, 2:], atol=1e-6)
  assert not queries[2, 2:].any()


def test_what_training_counted_can_be_taken_out_of_vectors():
  made = np.arange(6, dtype=np.float32).reshape(2, 3)
  expected = [[0, 0, 0], [3, 0, 0]]
  np.testing.assert_array_equal(without_counts(made, 2), expected)
  np.testing.assert_array_equal(without_counts(made, 0), made)
  assert made.any()
