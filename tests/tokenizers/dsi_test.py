import functools

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.decoding.trie import build_trie
from gr_jax.tokenizers import dsi
from gr_jax.tokenizers.cluster_tree import fit_tree

VECTORS = np.random.default_rng(0).normal(size=(300, 4))
KEY = jax.random.key(0)


@functools.cache
def semantic():
  return dsi.semantic_ids(VECTORS, branches=3, leaf=20, key=KEY)[0]


@given(st.sets(st.integers(0, 10**6), min_size=1), st.integers(2, 12))
def test_digits_spell_the_number(numbers, base):
  numbers = np.array(sorted(numbers))
  ids = dsi.naive_ids(numbers, base=base)
  assert ids.level_sizes == (base,) * ids.num_levels
  powers = base ** np.arange(ids.num_levels)[::-1]
  np.testing.assert_array_equal(ids.codes @ powers, numbers)
  assert base ** (ids.num_levels - 1) <= max(numbers.max(), 1)


@pytest.mark.parametrize("numbers", [[3, 3], [-1, 2], []])
def test_numbers_that_are_no_names_are_refused(numbers):
  with pytest.raises(ValueError, match="numbers"):
    dsi.naive_ids(np.array(numbers, int))


def test_an_atomic_id_is_its_row():
  ids = dsi.atomic_ids(7)
  assert ids.level_sizes == (7,)
  assert ids.codes[:, 0].tolist() == list(range(7))


def test_every_item_has_an_id_of_its_own():
  assert semantic().num_ids == len(VECTORS)


def test_a_prefix_is_the_path_of_clusters():
  codes = semantic().codes
  _, leaves = fit_tree(VECTORS, branches=3, leaf=20, key=KEY)
  for path, rows in leaves:
    assert (codes[rows, : len(path)] == path).all()
    assert codes[rows, len(path)].tolist() == list(range(len(rows)))
    assert (codes[rows, len(path) + 1 :] == -1).all()


def test_no_id_begins_another():
  ids = {tuple(row[row >= 0]) for row in semantic().codes}
  for one in ids:
    assert not any(one[:d] in ids for d in range(1, len(one)))


def test_ids_repeat_themselves():
  again, _ = dsi.semantic_ids(VECTORS, branches=3, leaf=20, key=KEY)
  np.testing.assert_array_equal(again.codes, semantic().codes)
  assert again.level_sizes == semantic().level_sizes


def test_the_search_takes_them():
  ids = semantic()
  assert build_trie(ids.ids, ids.level_sizes).num_ids == len(VECTORS)


def test_a_small_catalogue_is_one_leaf():
  ids, _ = dsi.semantic_ids(np.eye(5), key=KEY)
  assert ids.level_sizes == (100,)
  assert ids.codes[:, 0].tolist() == list(range(5))
