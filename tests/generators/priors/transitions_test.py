import dataclasses
import functools

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def counted(sequences, scales=None):
  """With all neighbours, and with other scales where they are given."""
  items = np.concatenate([np.zeros(0, int), *sequences])
  owners = np.repeat(np.arange(len(sequences)), [len(s) for s in sequences])
  table = count_transitions(
    ids(), items, owners, window=WINDOW, neighbours=len(ids()), last=4
  )
  if scales is None:
    return table
  weights = table.weights / table.scales[table.neighbours]
  return table.replace(
    weights=weights * scales[table.neighbours], scales=scales
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


@st.composite
def shops(draw):
  """Sequences without repeats, and where the first one is cut."""
  rows = list(range(len(ids())))
  sequence = st.permutations(rows).flatmap(
    lambda x: st.integers(2, len(x)).map(lambda n: x[:n])
  )
  sequences = draw(st.lists(sequence, min_size=1, max_size=4))
  return sequences, draw(st.integers(1, len(sequences[0]) - 1))


@given(shops())
def test_leaving_out_equals_counts_without_the_user(shop):
  sequences, cut = shop
  mine, *others = sequences
  table = counted(sequences)
  future_items = np.full((1, WINDOW, 3), -1)
  coming = ids().codes[mine[cut : cut + WINDOW]]
  future_items[0, : len(coming)] = coming
  # On the left, so that all histories have one shape.
  history = np.full((1, len(ids()), 3), -1)
  history[0, -cut:] = ids().codes[mine[:cut]]
  found = table.without(future_items).related(history)
  anew = counted(others, table.scales).related(history)
  np.testing.assert_allclose(
    dense(table, *found), dense(table, *anew), atol=1e-5
  )


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
  assert dataclasses.is_dataclass(loaded)
