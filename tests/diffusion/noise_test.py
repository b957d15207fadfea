"""Noise of seeds."""

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.diffusion.noise import first_noise, step_noise

SEEDS = jnp.array([7, 3, 123456789, 0])


def test_a_seed_has_its_noise_in_any_batch_and_order():
  whole = np.asarray(first_noise(SEEDS, (5, 3)))
  alone = np.concatenate(
    [first_noise(SEEDS[i : i + 1], (5, 3)) for i in range(4)]
  )
  np.testing.assert_array_equal(whole, alone)
  order = np.array([2, 0, 3, 1])
  np.testing.assert_array_equal(first_noise(SEEDS[order], (5, 3)), whole[order])
  compiled = jax.jit(first_noise, static_argnums=1)(SEEDS, (5, 3))
  np.testing.assert_array_equal(compiled, whole)


def test_steps_and_seeds_have_noise_of_their_own():
  drawn = [step_noise(jnp.arange(50), step, (40,)) for step in range(3)]
  rows = np.concatenate(drawn)
  correlation = np.corrcoef(rows) - np.eye(150)
  assert np.abs(correlation).max() < 0.8
  np.testing.assert_allclose(rows.mean(), 0, atol=0.05)
  np.testing.assert_allclose(rows.std(), 1, atol=0.05)


def test_the_first_noise_is_that_of_no_step():
  assert not np.array_equal(
    first_noise(SEEDS, (4,)), step_noise(SEEDS, 1, (4,))
  )
