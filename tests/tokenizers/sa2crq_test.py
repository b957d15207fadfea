import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding.trie import build_trie, find_rows
from gr_jax.tokenizers import sa2crq, sarq
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.small_sa2crq import (
  CONFIG,
  HEAD,
  VAE,
  X,
  first_phase,
  fitted,
)


def test_no_id_of_the_head_moves_in_the_second_phase():
  codes = fitted()[0].encode_items(X, HEAD)
  np.testing.assert_array_equal(
    codes[HEAD], sarq.encode(first_phase(), X[HEAD], config=CONFIG.head)
  )
  assert (codes[HEAD] < np.array(CONFIG.head_levels)).all()


def test_tail_items_use_new_codes_and_short_ids():
  codes = fitted()[0].encode_items(X, HEAD)
  assert (codes[~HEAD, 0] >= 3).any()
  lengths = (codes >= 0).sum(axis=1)
  assert lengths[~HEAD].mean() < lengths[HEAD].mean()
  np.testing.assert_array_equal(fitted()[0].encode(X[~HEAD]), codes[~HEAD])


def test_to_the_letter_an_id_ends_at_its_first_new_code():
  state = fitted()[0].state
  literal = state.replace(paths=state.paths.replace(new_prior=jnp.zeros(())))
  codes = sa2crq.Sa2crq(CONFIG, literal).encode_items(X, HEAD)
  new = codes[:, :-1] >= np.array(CONFIG.head_levels[:-1])
  assert new.any()
  assert (codes[:, 1:][new] == -1).all()


@pytest.mark.parametrize("levels", [(5, 3, 8), (3, 5, 9), (3, 5)])
def test_head_levels_that_do_not_fit_are_refused(levels):
  with pytest.raises(ValueError, match="none falling and none above"):
    dataclasses.replace(CONFIG, head_levels=levels)


def test_ids_that_end_are_found_in_the_table_and_in_the_trie():
  codes = fitted()[0].encode_items(X, HEAD)
  assert (codes < 0).any()
  ids = SemanticIds(codes, VAE.levels)
  np.testing.assert_array_equal(ids.ids[ids.id_of_item], codes)
  assert np.diff(ids.item_offsets).sum() == len(X)
  trie = build_trie(ids.ids, ids.level_sizes)
  assert trie.has_ends
  rows = find_rows(trie, jnp.asarray(codes))
  np.testing.assert_array_equal(rows, ids.id_of_item)
  grown = ids.append(codes[:7])
  np.testing.assert_array_equal(grown.ids, ids.ids)
