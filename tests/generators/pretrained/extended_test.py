import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.generators.pretrained import extended
from gr_jax.generators.pretrained.extended import NewTokens
from gr_jax.generators.pretrained.load import load_params
from tests.reference.small_pretrained import LLAMA, QWEN, write_model

TABLE = jax.random.normal(jax.random.key(0), (7, 4))


@pytest.mark.parametrize(
  ("first", "kept"), [(7, []), (5, []), (3, [5, 6]), (0, [2, 3, 4, 5, 6])]
)
def test_rows_take_their_places_in_the_table(first, kept):
  rows = jnp.arange(8.0).reshape(2, 4)
  new = NewTokens(first, 2)
  whole = extended.whole_table(TABLE, rows, new)
  expected = [*TABLE[:first], *rows, *TABLE[jnp.array(kept, int)]]
  np.testing.assert_array_equal(whole, expected)
  assert len(whole) == new.vocab_size(7)
  turned = extended.whole_table(TABLE.T, rows.T, new, axis=-1)
  np.testing.assert_array_equal(turned, whole.T)


def test_no_token_may_be_without_a_row():
  with pytest.raises(ValueError, match="tokens 7 to 8 would have none"):
    NewTokens(9, 2).vocab_size(7)


def test_rows_of_a_text_are_the_mean_of_its_tokens():
  tokens = jnp.array([[1, 2, 3], [4, 4, 0], [5, 0, 0]])
  mask = jnp.array([[1, 1, 1], [1, 1, 0], [0, 0, 0]], bool)
  rows = extended.text_rows(TABLE, tokens, mask)
  expected = [(TABLE[1] + TABLE[2] + TABLE[3]) / 3, TABLE[4], TABLE.mean(0)]
  np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_mean_rows_are_the_mean_of_the_table():
  rows = extended.mean_rows(TABLE, 3)
  np.testing.assert_allclose(rows, [TABLE.mean(0)] * 3, atol=1e-6)


def test_random_rows_are_spread_as_the_table():
  rows = extended.random_rows(jax.random.key(1), 5 + 3 * TABLE, 10_000)
  assert rows.shape == (10_000, 4)
  np.testing.assert_allclose(rows.std(), 3 * TABLE.std(), rtol=0.02)
  np.testing.assert_allclose(rows.mean(), 0, atol=0.1)


@pytest.mark.parametrize("arrangement", [QWEN, LLAMA])
def test_what_was_read_stays_bit_for_bit(tmp_path, arrangement):
  write_model(tmp_path, arrangement)
  params = load_params(tmp_path, arrangement)
  before = jax.tree.map(np.array, params)
  rows = jnp.ones((3, 16))
  more = extended.extend(params, rows, None if arrangement.tied else rows)
  added = {"new_embedding"} | (set() if arrangement.tied else {"new_head"})
  assert set(more["params"]) == set(before["params"]) | added
  kept = {k: v for k, v in more["params"].items() if k not in added}
  same = jax.tree.map(np.array_equal, kept, before["params"])
  assert all(jax.tree.leaves(same))


def test_heads_and_rows_for_them_go_together(tmp_path):
  write_model(tmp_path, LLAMA)
  rows = jnp.ones((3, 16))
  with pytest.raises(ValueError, match="has a head of its own"):
    extended.extend(load_params(tmp_path, LLAMA), rows)
  write_model(tmp_path, QWEN)
  with pytest.raises(ValueError, match="has tied embeddings"):
    extended.extend(load_params(tmp_path, QWEN), rows, rows)
