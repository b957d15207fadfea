import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.nn.attention_mask import AttentionMask, Blocks, Pattern
from gr_jax.nn.hidden_positions import (
  HIDDEN,
  extended,
  group_count,
  hidden_by,
)
from tests.reference import attention_cases


@pytest.mark.parametrize("name", ["causal", "branches", "pages", "two ways"])
def test_a_product_is_as_it_was_or_far_below(name):
  mask = attention_cases.masks()[name]
  hidden = hidden_by(mask)
  added = np.asarray(jnp.einsum("btc,bsc->bts", *hidden))
  # What is ahead is left to the kernel.
  behind = np.tri(added.shape[1], dtype=bool)
  seen = np.asarray(mask.dense())
  if mask.pattern.causal:
    added, seen = added[:, behind], seen[:, behind]
  np.testing.assert_array_equal(added[seen], 0)
  assert (added[~seen] <= -HIDDEN).all()
  assert not seen.all()
  assert hidden.rows.shape[-1] == group_count(mask)


def test_nothing_is_hidden_without_padding_blocks_and_pages():
  size = Blocks(3)
  mask = AttentionMask(None, None, None, Pattern(size, size, causal=True))
  assert hidden_by(mask) is None
  assert group_count(mask) == 0


def test_every_head_gets_the_same_numbers_and_then_zeros():
  heads = jax.random.normal(jax.random.key(0), (2, 3, 4, 5))
  numbers = jnp.arange(3.0)[None, :, None] * jnp.ones((1, 1, 2))
  wide = extended(heads, numbers, width=8)
  np.testing.assert_array_equal(wide[..., :5], heads)
  np.testing.assert_array_equal(wide[1, :, 3, 5:7], numbers[0])
  np.testing.assert_array_equal(wide[..., 7], 0)
