import jax.numpy as jnp
import numpy as np

from gr_jax.rl import group_means

TOKENS = jnp.array([[[1.0, 2.0, 9.0], [4.0, 9.0, 9.0], [9.0, 9.0, 9.0]]])
WHERE = jnp.array([[[1, 1, 0], [1, 0, 0], [0, 0, 0]]], bool)


def test_what_is_masked_is_in_no_mean():
  sums = group_means.sequence_sums(TOKENS, where=WHERE)
  means = group_means.sequence_means(TOKENS, where=WHERE)
  np.testing.assert_array_equal(sums, [[3, 4, 0]])
  np.testing.assert_array_equal(means, [[1.5, 4, 0]])
  there = WHERE.any(axis=-1)
  group = group_means.group_mean(means, where=there)
  np.testing.assert_array_equal(group, [(1.5 + 4) / 2])
  tokens = group_means.token_mean(TOKENS, where=WHERE)
  np.testing.assert_allclose(tokens, [7 / 3], rtol=1e-6)


def test_a_batch_mean_counts_the_groups_that_are_there():
  groups, where = jnp.array([1.0, jnp.nan, 4.0]), jnp.array([1, 0, 1], bool)
  assert group_means.batch_mean(groups, where=where) == 2.5
  assert group_means.batch_mean(groups, where=jnp.zeros(3, bool)) == 0
