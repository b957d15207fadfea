import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import suffix

SEEDS = st.integers(0, 2**31 - 1)
SIZES = (3, 4)


def draw(seed, rows=40):
  rng = np.random.default_rng(seed)
  codes = np.stack([rng.integers(0, c, rows) for c in SIZES], axis=1)
  return codes, rng.integers(0, 5, rows)


@given(SEEDS)
def test_a_suffix_makes_every_id_unique_and_keeps_the_prefix(seed):
  codes, priority = draw(seed)
  ids = suffix.add_suffix(codes, SIZES, priority=priority)
  assert ids.num_ids == len(codes)
  np.testing.assert_array_equal(ids.codes[:, :2], codes)


@given(SEEDS)
def test_suffixes_count_up_as_priority_goes_down(seed):
  codes, priority = draw(seed)
  ids = suffix.add_suffix(codes, SIZES, priority=priority)
  for prefix in np.unique(codes, axis=0):
    rows = np.flatnonzero((codes == prefix).all(axis=1))
    order = sorted(rows, key=lambda row: (-priority[row], row))
    np.testing.assert_array_equal(ids.codes[order, 2], np.arange(len(rows)))


@given(SEEDS, st.integers(1, 39))
def test_appended_items_take_free_numbers_and_move_nobody(seed, cut):
  codes, priority = draw(seed)
  old = suffix.add_suffix(
    codes[:cut], SIZES, priority=priority[:cut], headroom=50
  )
  grown = suffix.append_suffix(old, codes[cut:], priority=priority[cut:])
  np.testing.assert_array_equal(grown.codes[:cut], old.codes)
  assert grown.num_ids == len(codes)
  assert grown.level_sizes == old.level_sizes


def test_a_bucket_without_room_is_an_error_that_names_it():
  codes = np.array([[1, 2], [1, 2], [0, 0]])
  ids = suffix.add_suffix(codes, SIZES, priority=np.zeros(3), headroom=1.0)
  with pytest.raises(ValueError, match=r"\[1, 2\] would hold 3 items"):
    suffix.append_suffix(ids, codes[:1], priority=np.zeros(1))


ENDED = np.array([[1, -1], [1, -1], [1, 2], [1, 2], [0, 3]])


def test_ids_that_ended_early_stay_shared_under_a_suffix():
  ids = suffix.add_suffix(ENDED, SIZES, priority=np.arange(5))
  np.testing.assert_array_equal(ids.codes[:, 2], [-1, -1, 1, 0, 0])
  grown = suffix.append_suffix(ids, ENDED, priority=np.zeros(5))
  np.testing.assert_array_equal(grown.codes[:5], ids.codes)
  np.testing.assert_array_equal(grown.codes[5:, 2], [-1, -1, 2, 3, 1])
