import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.rl.old_policy import OldPolicy


@pytest.mark.parametrize("every", [1, 3])
def test_the_present_is_taken_every_so_many_updates(every):
  next_old, old = OldPolicy(every), {"w": jnp.zeros(2)}
  for step in range(1, 7):
    old = next_old(jnp.int32(step), old, {"w": jnp.full(2, float(step))})
    np.testing.assert_array_equal(old["w"], step // every * every)


def test_a_moving_average_follows_the_present():
  next_old, old = OldPolicy(decay=0.9), {"w": jnp.zeros(2)}
  for step in range(1, 4):
    old = next_old(jnp.int32(step), old, {"w": jnp.ones(2)})
  np.testing.assert_allclose(old["w"], 1 - 0.9**3, rtol=1e-6)


@pytest.mark.parametrize("every", [1, 3])
def test_a_rule_says_beforehand_which_updates_it_ignores(every):
  next_old, old, present = OldPolicy(every), jnp.zeros(2), jnp.ones(2)
  for step in range(1, 7):
    same = (next_old(jnp.int32(step), old, present) == old).all()
    assert next_old.keeps(step) == same
  assert OldPolicy(every).is_present == (every == 1)


def test_a_moving_average_always_moves_and_is_never_the_present():
  assert not OldPolicy(decay=0.9).keeps(1)
  assert not OldPolicy(decay=0.9).is_present


def test_an_old_policy_that_never_follows_is_named():
  with pytest.raises(ValueError, match="old_every is 0"):
    OldPolicy(0)


def test_an_average_that_never_moves_is_named():
  with pytest.raises(ValueError, match="old_decay is 1"):
    OldPolicy(decay=1.0)
