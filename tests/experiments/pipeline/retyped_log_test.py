"""Queries of training requests as others type them."""

import dataclasses

import numpy as np
import pytest

from experiments.pipeline.retyped_log import retyped_log
from gr_jax.data.requests import TRAIN
from gr_jax.text.encoder import unit_rows
from tests.reference import small_world, tiny_tokenizers


def encode(texts):
  """Vectors of texts: how often they have each letter."""
  letters = [[text.count(chr(97 + i)) for i in range(26)] for text in texts]
  return np.array(letters, np.float32)


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
  found = tiny_tokenizers.vectors(tmp_path_factory.mktemp("vectors"))
  return dataclasses.replace(found, encode=encode)


@pytest.fixture(scope="module")
def typed():
  log = small_world.shop().requests
  return (log.split == TRAIN) & (np.arange(len(log)) % 3 == 0)


def test_only_the_typed_requests_have_another_query(vectors, typed):
  shop = small_world.shop()
  log = shop.requests
  found = retyped_log(log, typed, shop.catalogue, vectors)
  Q = len(log.queries)
  changed = found.requests.query != log.query
  np.testing.assert_array_equal(changed, typed & (log.query >= 0))
  assert (found.requests.query[changed] >= Q).all()
  np.testing.assert_array_equal(found.requests.queries[:Q], log.queries)
  np.testing.assert_array_equal(found.trained_query[:Q], np.arange(Q))
  assert (found.trained_query[Q:] == -1).all()
  np.testing.assert_array_equal(found.query_vectors[:Q], vectors.queries)
  lengths = np.linalg.norm(found.query_vectors[Q:], axis=1)
  assert (lengths <= 1 + 1e-6).all()
  assert lengths.mean() > 0.9


def test_some_type_the_text_of_an_item_that_they_want(vectors, typed):
  shop = small_world.shop()
  log = shop.requests
  retyped = retyped_log(log, typed, shop.catalogue, vectors)
  found, named = retyped.requests, 0
  rows = np.flatnonzero(found.query != log.query)
  assert not np.delete(retyped.changed, rows).any()
  for row in rows:
    wanted = shop.catalogue.texts[log.targets(row)]
    is_text = found.queries[found.query[row]] in wanted
    assert is_text or retyped.changed[row]
    named += is_text
  assert retyped.changed.sum() >= len(rows) - named
  assert not retyped.changed[rows].all()
  assert 0.1 < named / len(rows) < 0.6
  same = found.queries[found.query[rows]] == log.queries[log.query[rows]]
  assert same.mean() < 0.4


def test_without_texts_the_queries_stay(vectors, typed):
  shop = small_world.shop()
  silent = dataclasses.replace(vectors, encode=None)
  found = retyped_log(shop.requests, typed, shop.catalogue, silent)
  assert found.requests is shop.requests
  assert not found.changed.any()
  none = np.zeros_like(typed)
  again = retyped_log(shop.requests, none, shop.catalogue, vectors)
  assert again.requests is shop.requests
  assert unit_rows(again.query_vectors).shape == vectors.queries.shape
