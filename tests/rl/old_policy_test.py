import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.rl.old_policy import moving_average, periodic


@pytest.mark.parametrize("every", [1, 3])
def test_the_present_is_taken_every_so_many_updates(every):
  next_old, old = periodic(every), {"w": jnp.zeros(2)}
  for step in range(1, 7):
    old = next_old(jnp.int32(step), old, {"w": jnp.full(2, float(step))})
    np.testing.assert_array_equal(old["w"], step // every * every)


def test_a_moving_average_follows_the_present():
  next_old, old = moving_average(0.9), {"w": jnp.zeros(2)}
  for step in range(1, 4):
    old = next_old(jnp.int32(step), old, {"w": jnp.ones(2)})
  np.testing.assert_allclose(old["w"], 1 - 0.9**3, rtol=1e-6)
