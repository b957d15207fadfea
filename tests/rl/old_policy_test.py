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


@pytest.mark.parametrize("every", [1, 3])
def test_a_rule_says_beforehand_which_updates_it_ignores(every):
  next_old, old, present = periodic(every), jnp.zeros(2), jnp.ones(2)
  for step in range(1, 7):
    unchanged = (next_old(jnp.int32(step), old, present) == old).all()
    assert next_old.keeps(step) == unchanged
  assert periodic(every).is_present == (every == 1)


def test_a_moving_average_always_moves_and_is_never_the_present():
  assert not moving_average(0.9).keeps(1)
  assert not moving_average(0.9).is_present


def test_an_old_policy_that_never_follows_is_named():
  with pytest.raises(ValueError, match="every is 0"):
    periodic(0)
