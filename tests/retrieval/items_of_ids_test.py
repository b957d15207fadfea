"""From ranked IDs to ranked items, and back."""

import numpy as np
import pytest

from gr_jax.retrieval.items_of_ids import expand_items, fully_seen_ids
from gr_jax.tokenizers.semantic_ids import SemanticIds


@pytest.fixture
def shared_ids():
  """Items 0, 2, 3 share an ID; item 1 has its own."""
  return SemanticIds(np.array([[0, 0], [1, 0], [0, 0], [0, 0]]), (2, 1))


def test_items_of_one_id_follow_by_popularity(shared_ids):
  popularity = np.array([1, 9, 5, 5])
  out = expand_items(np.array([[0, 1], [1, -1]]), shared_ids, popularity, k=4)
  assert out.tolist() == [[2, 3, 0, 1], [1, -1, -1, -1]]


def test_an_id_is_seen_when_all_its_items_are(shared_ids):
  seen = [np.array([0, 2]), np.array([3, 2, 0, 0]), np.array([1])]
  out = fully_seen_ids(seen, shared_ids)
  assert [ids.tolist() for ids in out] == [[], [0], [1]]


def test_seen_items_are_left_out_and_the_next_take_their_places(shared_ids):
  popularity = np.array([1, 9, 5, 5])
  seen = [np.array([3]), np.array([0, 1, 2, 3])]
  out = expand_items(
    np.array([[0, 1], [1, 0]]), shared_ids, popularity, k=2, seen=seen
  )
  assert out.tolist() == [[2, 0], [-1, -1]]
