import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.tokenizers import seeding


def test_plus_plus_finds_every_far_cluster():
  centres = 100.0 * jnp.eye(6)
  noise = jax.random.normal(jax.random.key(0), (10, 6, 6))
  x = (centres + noise).reshape(-1, 6)
  seeds = seeding.plus_plus(x, jax.random.key(1), num_clusters=6)
  assert sorted(np.argmax(seeds, axis=1)) == list(range(6))


@pytest.mark.parametrize("seed", [seeding.sampled_seeds, seeding.pair_means])
def test_seeds_are_finite_where_all_rows_are_equal(seed):
  seeds = seed(jnp.ones((20, 3)), jax.random.key(0), num_clusters=5)
  np.testing.assert_allclose(seeds, np.ones((5, 3)))
