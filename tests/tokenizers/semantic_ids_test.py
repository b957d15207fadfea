import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import semantic_ids
from gr_jax.tokenizers.semantic_ids import SemanticIds


@st.composite
def tables(draw):
  """Codes with early ends, and the sizes of their levels."""
  sizes = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
  rng = np.random.default_rng(draw(st.integers(0, 2**31 - 1)))
  rows = draw(st.integers(1, 30))
  codes = np.stack([rng.integers(0, c, rows) for c in sizes], axis=1)
  length = rng.integers(1, len(sizes) + 1, rows)
  codes[np.arange(len(sizes)) >= length[:, None]] = -1
  return codes, sizes


@given(tables())
def test_ids_and_items_are_inverses(table):
  ids = SemanticIds(*table)
  np.testing.assert_array_equal(ids.ids[ids.id_of_item], ids.codes)
  np.testing.assert_array_equal(ids.ids, np.unique(ids.codes, axis=0))
  for row in range(ids.num_ids):
    items = ids.items[ids.item_offsets[row] : ids.item_offsets[row + 1]]
    np.testing.assert_array_equal(items, np.flatnonzero(ids.id_of_item == row))


@given(tables(), st.integers(0, 30))
def test_append_save_and_load_move_no_id(table, cut):
  codes, sizes = table
  old = SemanticIds(codes[:cut], sizes)
  grown = old.append(codes[cut:])
  np.testing.assert_array_equal(grown.codes[:cut], old.codes)
  with tempfile.TemporaryDirectory() as directory:
    grown.save(directory)
    loaded = SemanticIds.load(directory)
  assert loaded.level_sizes == grown.level_sizes
  assert loaded.codes.dtype == np.int32
  np.testing.assert_array_equal(loaded.codes, codes)


@given(tables(), st.integers(0, 30), st.booleans())
def test_what_was_sorted_before_is_merged_to_the_same_order(table, cut, items):
  codes, sizes = table
  old = SemanticIds(codes[:cut], sizes)
  _ = old.ids, old.items if items else None
  grown, anew = old.append(codes[cut:]), SemanticIds(codes, sizes)
  np.testing.assert_array_equal(grown.ids, anew.ids)
  np.testing.assert_array_equal(grown.id_of_item, anew.id_of_item)
  np.testing.assert_array_equal(grown.items, anew.items)
  np.testing.assert_array_equal(grown.item_offsets, anew.item_offsets)


@given(tables())
def test_packed_rows_sort_as_rows_do(table):
  codes, sizes = table
  packed = np.argsort(semantic_ids.pack_rows(codes, sizes), kind="stable")
  rows = np.lexsort(codes.T[::-1])
  np.testing.assert_array_equal(packed, rows)


def test_levels_too_large_to_pack_give_the_same_ids():
  codes = np.random.default_rng(0).integers(0, 3, (50, 4)).astype(np.int32)
  small = SemanticIds(codes, (3,) * 4)
  large = SemanticIds(codes, (2**20,) * 4)
  np.testing.assert_array_equal(small.ids, large.ids)
  np.testing.assert_array_equal(small.id_of_item, large.id_of_item)


@pytest.mark.parametrize(
  "row", [[0, 4, 0], [0, -1, 0], [-1, -1, -1], [0, 0, -2]]
)
def test_impossible_codes_are_named(row):
  with pytest.raises(ValueError, match=r"row 1 has codes"):
    SemanticIds(np.array([[0, 0, 0], row]), (4, 4, 4))


def test_appended_codes_must_have_the_same_levels():
  ids = SemanticIds(np.zeros((1, 3), int), (4, 2, 3))
  with pytest.raises(ValueError, match=r"must be \[n, 3\]; got \(1, 2\)"):
    ids.append(np.zeros((1, 2), int))
  with pytest.raises(FileNotFoundError):
    SemanticIds.load("/nowhere")
