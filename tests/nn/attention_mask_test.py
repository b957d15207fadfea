import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.nn.attention_mask import (
  AttentionMask,
  Blocks,
  Pattern,
  branch_mask,
  causal_mask,
  packed_mask,
  page_mask,
  two_way_mask,
)


def some(*shape, seed=0):
  return jnp.asarray(np.random.default_rng(seed).random(shape) < 0.7)


def test_a_text_reads_what_is_there_and_not_ahead():
  mask = causal_mask(jnp.array([[True, False, True]])).dense()
  np.testing.assert_array_equal(
    mask, [[[1, 0, 0], [1, 0, 0], [1, 0, 1]]], strict=False
  )


@pytest.mark.parametrize("hidden", [0, 2])
def test_mask_is_causal_inside_prompt_and_branch(hidden):
  there = np.arange(7)[None] >= hidden
  mask = np.asarray(branch_mask(jnp.asarray(there), 2, 2).dense())[0]
  branch = {3: 0, 4: 0, 5: 1, 6: 1}
  for i, j in np.ndindex(7, 7):
    same = branch.get(j) is None or branch.get(j) == branch.get(i)
    assert mask[i, j] == (j <= i and same and there[0, j])


def test_pages_may_be_of_any_length_and_differ_by_row():
  pages = jnp.array([[0, 1, 1, 2], [0, 1, 2, 2]])
  there = jnp.ones((2, 4), bool)
  mask = np.asarray(page_mask(there, pages, page_count=2).dense())
  assert mask[:, :, 0].all()
  np.testing.assert_array_equal(mask[0, 2], [True, True, True, False])
  np.testing.assert_array_equal(mask[1, 2], [True, False, True, False])
  np.testing.assert_array_equal(mask[0, 3], [True, False, False, True])


def test_sequences_that_share_a_row_do_not_read_each_other():
  owners = jnp.array([[4, 4, 9, 9, -1]])
  mask = packed_mask(owners >= 0, owners).dense()[0].astype(int)
  np.testing.assert_array_equal(mask[1], [1, 1, 0, 0, 0])
  np.testing.assert_array_equal(mask[3], [0, 0, 1, 1, 0])


def test_two_ways_read_ahead_but_no_other_block():
  there = jnp.ones((1, 4), bool)
  itself = two_way_mask(there, Blocks(2, 2, 1)).dense()[0].astype(int)
  np.testing.assert_array_equal(itself[0], [1, 1, 0, 0])
  np.testing.assert_array_equal(itself[2], [1, 1, 1, 0])
  rows = two_way_mask(there, Blocks(2, 2, 1), Blocks(0, 2, 3)).dense()
  assert rows.shape == (1, 6, 4)
  np.testing.assert_array_equal(rows[0, 2].astype(int), [1, 1, 1, 0])
  np.testing.assert_array_equal(rows[0, 3].astype(int), [1, 1, 0, 1])


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(
  "blocks", [Blocks(9), Blocks(3, 2, 3), Blocks(0, 3, 3)]
)
def test_blocks_of_a_pattern_are_parts_of_its_array(blocks, causal):
  pattern = Pattern(blocks, blocks, causal)
  whole = AttentionMask(None, None, None, pattern).dense()[0]
  for rows in (slice(0, 4), slice(4, 9)):
    for columns in (slice(0, 5), slice(5, 9)):
      np.testing.assert_array_equal(
        pattern.block(rows, columns), whole[rows, columns]
      )
