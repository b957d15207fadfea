import jax.numpy as jnp
import numpy as np

from gr_jax.generators.priors.prefix_weights import PrefixWeights


def state():
  rng = np.random.default_rng(0)
  return PrefixWeights(
    jnp.asarray(rng.random((2, 3, 4)), jnp.float32),
    jnp.asarray(rng.random((2, 3)), jnp.float32),
  )


def test_beams_take_the_weights_of_the_prefixes_that_they_extend():
  parents = jnp.array([[2, 0], [1, 1]])
  found = state().select(parents)
  for row in range(2):
    for beam, parent in enumerate(parents[row]):
      np.testing.assert_array_equal(
        found.weights[row, beam], state().weights[row, parent]
      )
      assert found.shares[row, beam] == state().shares[row, parent]


def test_below_a_code_are_the_items_that_have_it():
  same = jnp.asarray(np.random.default_rng(1).random((2, 3, 4)) < 0.5)
  found = state().below(same, jnp.full((2, 3), 0.5))
  np.testing.assert_array_equal(found.weights, state().weights * same)
  np.testing.assert_allclose(found.shares, state().shares / 2)
