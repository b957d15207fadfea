import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.objectives import contrastive

info_nce = jax.jit(contrastive.info_nce)
SEEDS = st.integers(0, 2**31 - 1)


def draw(seed, size=6, width=4):
  rng = np.random.default_rng(seed)
  return rng.normal(size=(2, size, width)).astype(np.float32)


def test_equal_embeddings_give_log_of_the_batch():
  rows = jnp.ones((8, 3))
  loss = info_nce(rows, 2 * rows, temperature=0.1)
  np.testing.assert_allclose(loss, np.log(8), rtol=1e-5)


@given(SEEDS, st.floats(0.01, 100))
def test_loss_is_positive_and_blind_to_length(seed, scale):
  items, queries = draw(seed)
  loss = info_nce(items, queries, temperature=0.1)
  scaled = info_nce(scale * items, queries, temperature=0.1)
  assert loss >= 0
  np.testing.assert_allclose(loss, scaled, rtol=1e-3, atol=1e-5)


@given(SEEDS)
def test_masked_rows_equal_rows_that_are_not_there(seed):
  items, queries = draw(seed)
  # Always three: one shape to compile.
  where = np.random.default_rng(seed).permutation(6) < 3
  whole = info_nce(items, queries, temperature=0.1, where=jnp.asarray(where))
  kept = info_nce(items[where], queries[where], temperature=0.1)
  np.testing.assert_allclose(whole, kept, rtol=1e-4, atol=1e-5)


def test_nobody_with_a_query_gives_zero_loss_and_gradient():
  items, queries = draw(0)

  def loss(items):
    return info_nce(items, queries, temperature=0.1, where=jnp.zeros(6, bool))

  value, grad = jax.value_and_grad(loss)(items)
  assert value == 0
  assert not np.asarray(grad).any()


def test_a_pair_that_is_no_negative_does_not_count():
  items, queries = draw(1, size=2)
  alone = info_nce(
    items, queries, temperature=0.1, negative_mask=jnp.zeros((2, 2), bool)
  )
  assert alone == pytest.approx(0, abs=1e-6)


def test_descending_brings_matched_rows_closer():
  items, queries = draw(3)

  def loss(items):
    return info_nce(items, queries, temperature=0.5)

  def matched(items):
    cosine = contrastive.normalize(items) * contrastive.normalize(queries)
    return cosine.sum()

  assert matched(items - 0.1 * jax.grad(loss)(items)) > matched(items)
