import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.tokenizers import clicks

DATA = clicks.Clicks(
  vectors=jnp.arange(10.0)[:, None],
  categories=jnp.arange(10) % 3,
  queries=jnp.arange(4.0)[:, None],
  pairs=jnp.array([[1, 0], [2, 0], [3, 1], [3, 2]]),
)


def test_a_batch_pairs_items_with_their_own_queries():
  batch = clicks.draw_batch(DATA, jax.random.key(0), items=6, pairs=16)
  chex.assert_shape(batch.vectors, (6, 1))
  pairs = np.concatenate([batch.pair_vectors, batch.query_vectors], axis=1)
  assert {tuple(pair) for pair in pairs} <= {(1, 0), (2, 0), (3, 1), (3, 2)}
  np.testing.assert_array_equal(
    batch.categories, np.asarray(batch.vectors)[:, 0] % 3
  )


def test_pairs_that_share_an_item_or_a_query_are_no_negatives():
  batch = clicks.draw_batch(DATA, jax.random.key(0), items=1, pairs=16)
  item, query = batch.pair_vectors[:, 0], batch.query_vectors[:, 0]
  for i in range(16):
    for j in range(16):
      apart = item[i] != item[j] and query[i] != query[j]
      assert batch.negative_mask[i, j] == apart


def test_no_clicks_give_no_pairs():
  data = DATA._replace(
    queries=jnp.zeros((0, 1)), pairs=jnp.zeros((0, 2), jnp.int32)
  )
  batch = clicks.draw_batch(data, jax.random.key(0), items=6, pairs=16)
  chex.assert_shape(batch.query_vectors, (0, 1))


def test_rows_out_of_range_are_named():
  with pytest.raises(ValueError, match=r"categories\[2\] = 2 is outside"):
    clicks.check_clicks(DATA, num_categories=2)
  with pytest.raises(ValueError, match=r"pairs\[:, 1\]\[3\] = 2"):
    clicks.check_clicks(
      DATA._replace(queries=DATA.queries[:2]), num_categories=3
    )
