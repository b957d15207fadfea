import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl.pictures.advantages import prompt_advantages


@given(st.integers(0, 2**20))
def test_advantages_of_a_prompt_sum_to_zero(seed):
  rewards = np.random.default_rng(seed).normal(size=(3, 8)).astype(np.float32)
  found = np.asarray(prompt_advantages(jnp.asarray(rewards)))
  np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-4)


def test_the_scale_is_that_of_the_batch():
  """A prompt of equal rewards but for rounding keeps small advantages."""
  rewards = jnp.array([[0.0, 1.0], [0.5, 0.5001]])
  found = np.asarray(prompt_advantages(rewards))
  expected = 0.5 / (np.std([[0, 1], [0.5, 0.5001]]) + 1e-4)
  np.testing.assert_allclose(found[0], [-expected, expected], rtol=1e-5)
  assert np.abs(found[1]).max() < 1e-3


def test_equal_rewards_have_no_advantage():
  np.testing.assert_array_equal(prompt_advantages(jnp.ones((2, 3))), 0)
