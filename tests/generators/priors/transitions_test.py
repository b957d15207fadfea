import dataclasses
import functools

import jax
import numpy as np
import pytest

from gr_jax.generators.priors.left_out import LeftOut
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.random_ids import random_ids

SIZES = (3, 4, 2)
WINDOW = 3


@functools.cache
def ids():
  codes = random_ids(np.random.default_rng(0), SIZES, 12, has_ends=True)
  return SemanticIds(np.unique(codes, axis=0), SIZES)


def counted(sequences, neighbours=None):
  items = np.concatenate([np.zeros(0, int), *sequences])
  owners = np.repeat(np.arange(len(sequences)), [len(s) for s in sequences])
  k = neighbours or len(ids())
  return count_transitions(
    ids(), items, owners, window=WINDOW, neighbours=k, last=4
  )


def dense(table, codes, weights):
  """`[B, T, I]` from neighbours."""
  found = np.zeros((*weights.shape[:2], len(ids())))
  rows = np.asarray(table.rows(codes))
  b, t = np.indices(weights.shape[:2])
  np.add.at(found, (b[..., None], t[..., None], rows), weights)
  return found


def test_every_id_is_found_and_nothing_else():
  table = counted([[0, 1]])
  everything = np.stack(
    np.meshgrid(*[np.arange(-1, size) for size in SIZES], indexing="ij"), -1
  ).reshape(-1, 3)
  known = {tuple(row): i for i, row in enumerate(ids().ids.tolist())}
  expected = [known.get(tuple(row), len(known)) for row in everything.tolist()]
  np.testing.assert_array_equal(table.rows(everything), expected)


def test_rows_of_padding_change_nothing():
  table = counted([[0, 1, 2, 1], [3, 1, 0]], neighbours=2)
  size = len(table.ids)
  padded = table.padded(size - 1)
  assert len(padded.ids) == 2 * (size - 1)
  history = np.stack((ids().ids[0], np.full(3, -1), ids().ids[3]))[None]
  codes, weights = table.related(history)
  codes_padded, weights_padded = padded.related(history)
  np.testing.assert_array_equal(weights, weights_padded)
  there = np.asarray(weights) > 0
  assert there.any()
  np.testing.assert_array_equal(codes[there], codes_padded[there])
  known = padded.rows(ids().ids)
  np.testing.assert_array_equal(known, np.arange(len(ids())))


def left_out(events, pairs, weights):
  return LeftOut(
    np.array([events], np.int32),
    np.array([pairs], np.int32),
    np.array([weights], np.float32),
  )


def test_what_is_left_out_changes_pairs_and_popularity():
  table = counted([[0, 1], [0, 2], [3, 1]])
  history = ids().codes[[0]][None]
  # As if the first sequence were 0 alone.
  found = dense(
    table, *table.without(left_out([1], [[0, 1]], [1])).related(history)
  )
  expected = np.zeros(len(ids()))
  expected[2] = 1 / (1 + 5)
  np.testing.assert_allclose(found[0, 0], expected, atol=1e-6)
  # Here only one of the two events of 1.
  found = dense(
    table, *table.without(left_out([1], [[3, 1]], [1])).related(history)
  )
  expected[1] = 1 / (1 + 5)
  np.testing.assert_allclose(found[0, 0], expected, atol=1e-6)


def test_a_neighbour_left_out_makes_room_for_the_next():
  table = counted([[0, 1], [0, 1], [0, 2]], neighbours=1)
  history = ids().codes[[0]][None]
  assert dense(table, *table.related(history))[0, 0].argmax() == 1
  mine = left_out([1, 1], [[0, 1], [0, 1]], [1, 1])
  found = dense(table, *table.without(mine).related(history))[0, 0]
  assert found[1] == 0
  assert found[2] == pytest.approx(1 / (1 + 5))


def test_nothing_left_out_is_the_table():
  table = counted([[0, 1, 2], [3, 1]], neighbours=2)
  history = ids().codes[[3, 0]][None]
  nothing = left_out([-1], [[-1, -1]], [0])
  found = table.without(nothing).related(history)
  for one, other in zip(found, table.related(history)):
    np.testing.assert_allclose(one, other, atol=1e-7)


def test_what_the_shopper_has_is_not_related():
  table = counted([[0, 1, 2, 3]])
  history = ids().codes[[1, 0]][None]
  found = dense(table, *table.related(history))
  assert not found[..., [0, 1]].any()
  assert found[0, 0, 2] > 0  # The newest item is first.
  assert found[0, 0, 3] > found[0, 0, 2] * 0.4


def test_padding_and_unknown_items_have_no_neighbours():
  table = counted([[0, 1, 2]])
  unknown = next(
    row for row in np.ndindex(*SIZES) if list(row) not in ids().ids.tolist()
  )
  history = np.array([[[-1, -1, -1], unknown, ids().codes[0]]])
  _, weights = table.related(history)
  assert weights[0, 0].any()
  assert not weights[0, 1:].any()


def test_only_the_newest_are_read():
  table = counted([[0, 1, 2]])
  history = ids().codes[[0, 3, 4, 5, 6]][None]
  _, weights = table.related(history)
  assert weights.shape[1] == 4
  assert not weights.any()


def test_saved_and_loaded_it_is_the_same(tmp_path):
  table = counted([[0, 1, 2], [3, 1]])
  table.save(tmp_path / "transitions.npz")
  loaded = Transitions.load(tmp_path / "transitions.npz")
  assert jax.tree.structure(loaded) == jax.tree.structure(table)
  jax.tree.map(np.testing.assert_array_equal, loaded, table)
  with pytest.raises(FileNotFoundError):
    Transitions.load(tmp_path / "nothing.npz")
  np.savez(tmp_path / "old.npz", ids=table.ids, scales=np.ones(2), window=1)
  with pytest.raises(ValueError, match="has no kept, last, neighbours, popul"):
    Transitions.load(tmp_path / "old.npz")
  assert dataclasses.is_dataclass(loaded)
