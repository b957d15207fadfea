import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.objectives import next_token


def test_cross_entropy_of_two_equal_codes_is_log_two():
  logits = jnp.zeros((3, 2))
  where = jnp.ones(3, bool)
  loss = next_token.cross_entropy(logits, jnp.array([0, 1, 0]), where=where)
  np.testing.assert_allclose(loss, np.log(2), rtol=1e-6)


@given(st.integers(0, 2**31 - 1))
def test_masked_places_equal_places_that_are_not_there(seed):
  rng = np.random.default_rng(seed)
  logits = rng.normal(size=(6, 5)).astype(np.float32)
  targets = rng.integers(0, 5, 6)
  where = rng.random(6) < 0.6
  where[0] = True
  whole = next_token.cross_entropy(logits, targets, where=jnp.asarray(where))
  kept = next_token.cross_entropy(
    logits[where], targets[where], where=jnp.ones(where.sum(), bool)
  )
  np.testing.assert_allclose(whole, kept, rtol=1e-5)


def test_nothing_to_learn_gives_zero_loss_and_zero_gradient():
  def loss(logits):
    return next_token.cross_entropy(
      logits, jnp.array([0, 1]), where=jnp.zeros(2, bool)
    )

  value, grad = jax.value_and_grad(loss)(jnp.ones((2, 3)))
  assert value == 0
  assert not np.asarray(grad).any()


def test_an_early_end_is_learned_once():
  """Codes (1, end, -): level 2 learns the END column, level 3 nothing."""
  codes = jnp.array([[1, -1, -1]])
  logits = [jnp.zeros((1, 3)), jnp.zeros((1, 4)), jnp.zeros((1, 4))]
  losses = next_token.code_losses(logits, codes, where=jnp.ones(1, bool))
  np.testing.assert_allclose(losses, [np.log(3), np.log(4), 0], rtol=1e-6)

  def second(logits_2):
    changed = [logits[0], logits_2, logits[2]]
    where = jnp.ones(1, bool)
    return next_token.code_losses(changed, codes, where=where)[1]

  grad = jax.grad(second)(logits[1])[0]
  np.testing.assert_allclose(grad, [0.25, 0.25, 0.25, -0.75], rtol=1e-6)
