"""No policy changes an ID; DSI's finds the next free one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import collisions, dsi
from gr_jax.tokenizers.rq_kmeans import RqKMeans
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.tokenizer import FitResult

SHARED = [name for name in collisions.COLLISIONS if name != "next_free"]


def fitted(seed: int, items: int = 40) -> FitResult:
  rng = np.random.default_rng(seed)
  books = tuple(
    rng.normal(size=(size, 5)).astype(np.float32) for size in (3, 4)
  )
  vectors = rng.normal(size=(items, 5)).astype(np.float32)
  tokenizer = RqKMeans(books)
  codes = tokenizer.encode(vectors)
  return FitResult(tokenizer, codes, vectors, books, vectors, [])


@pytest.mark.parametrize("name", SHARED)
@given(st.integers(0, 2**31 - 1))
def test_no_id_that_was_given_changes(name, seed):
  policy, first = collisions.COLLISIONS[name], fitted(seed)
  ids = policy.resolve(first, np.arange(40) % 5)
  assert len(ids) == 40
  new = fitted(seed).codes[:7]
  grown = policy.append(ids, new)
  np.testing.assert_array_equal(grown.codes[:40], ids.codes)
  assert grown.level_sizes == ids.level_sizes
  np.testing.assert_array_equal(grown.codes[40:, : new.shape[1]], new)


def test_clusters_are_left_alone():
  first = fitted(0)
  ids = collisions.COLLISIONS["clusters"].resolve(first, np.zeros(40))
  np.testing.assert_array_equal(ids.codes, first.codes)
  assert ids.num_ids < len(ids)


def test_an_id_of_its_own_is_not_for_items_that_share_codes():
  with pytest.raises(ValueError, match=r"40 items have only \d+ different"):
    collisions.COLLISIONS["next_free"].resolve(fitted(0), np.zeros(40))


def test_a_new_number_is_the_next_one():
  ids = dsi.naive_ids(np.random.default_rng(0).permutation(96))
  grown = collisions.append_next_free(ids, np.full((4, 2), -1))
  assert grown.codes[96:].tolist() == [[9, 6], [9, 7], [9, 8], [9, 9]]
  np.testing.assert_array_equal(grown.codes[:96], ids.codes)
  with pytest.raises(ValueError, match="no room: all 100 IDs behind the codes"):
    collisions.append_next_free(grown, np.full((1, 2), -1))


def test_atomic_codes_leave_no_room():
  with pytest.raises(ValueError, match="no room: all 7 IDs"):
    collisions.append_next_free(dsi.atomic_ids(7), np.full((1, 1), -1))


def test_a_new_item_takes_the_next_place_in_its_leaf():
  codes = [[0, 0, -1], [0, 1, -1], [1, 0, 0], [1, 0, 1], [1, 1, 0]]
  ids = SemanticIds(np.array(codes), (3, 4, 3))
  new = [[0, -1, -1], [1, 0, -1], [0, -1, -1], [1, 1, -1]]
  grown = collisions.append_next_free(ids, np.array(new))
  taken = [[0, 2, -1], [1, 0, 2], [0, 3, -1], [1, 1, 1]]
  assert grown.codes[5:].tolist() == taken
  assert grown.num_ids == len(grown)
  with pytest.raises(ValueError, match=r"all 3 IDs behind the codes \[1, 0\]"):
    collisions.append_next_free(grown, np.array([[1, 0, -1]]))


OLD = np.array([(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 0, 1)])
NEW = np.array([(1, 0), (0, 0), (1, 0), (2, 3)])


def test_a_suffix_goes_on_where_its_bucket_ends():
  ids = SemanticIds(OLD, (3, 4, 6))
  found = collisions.COLLISIONS["suffix"].append(ids, NEW).codes[4:]
  assert found.tolist() == [[1, 0, 2], [0, 0, 1], [1, 0, 3], [2, 3, 0]]


@pytest.mark.parametrize("name", ["clusters", "sinkhorn"])
def test_other_policies_let_new_items_share_an_id(name):
  ids = SemanticIds(OLD[:, :2], (3, 4))
  found = collisions.COLLISIONS[name].append(ids, NEW)
  np.testing.assert_array_equal(found.codes[4:], NEW)
