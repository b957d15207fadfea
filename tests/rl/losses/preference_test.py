import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl.losses.preference import dpo_loss, s_dpo_loss

SEEDS = st.integers(0, 2**31 - 1)


def rises(seed, negatives=4):
  rng = np.random.default_rng(seed)
  return rng.normal(size=3) * 5, rng.normal(size=(3, negatives)) * 5


def test_without_a_preference_yet_dpo_is_log_two():
  np.testing.assert_allclose(dpo_loss(jnp.ones(2), jnp.ones(2)), np.log(2))


@given(SEEDS)
def test_one_negative_makes_s_dpo_dpo(seed):
  chosen, rejected = rises(seed, 1)
  np.testing.assert_allclose(
    s_dpo_loss(jnp.asarray(chosen), jnp.asarray(rejected), beta=0.3),
    dpo_loss(jnp.asarray(chosen), jnp.asarray(rejected[:, 0]), beta=0.3),
    rtol=1e-5,
  )


@given(SEEDS)
def test_s_dpo_is_its_equation(seed):
  chosen, rejected = rises(seed)
  total = np.exp(0.1 * (rejected - chosen[:, None])).sum(axis=1)
  expected = -np.log(1 / (1 + np.exp(np.log(total))))
  found = s_dpo_loss(jnp.asarray(chosen), jnp.asarray(rejected))
  np.testing.assert_allclose(found, expected, rtol=1e-5)


@given(SEEDS)
def test_masked_negatives_equal_negatives_that_are_not_there(seed):
  chosen, rejected = rises(seed)
  where = np.array([True, False, True, False])
  noise = np.where(where, rejected, np.inf)
  mask = np.broadcast_to(where, rejected.shape)
  found = s_dpo_loss(jnp.asarray(chosen), jnp.asarray(noise), where=mask)
  alone = s_dpo_loss(jnp.asarray(chosen), jnp.asarray(rejected[:, where]))
  np.testing.assert_allclose(found, alone, rtol=1e-5)


def test_without_negatives_there_is_no_loss_and_no_gradient():
  def loss(chosen, rejected):
    where = jnp.zeros(rejected.shape, bool)
    return s_dpo_loss(chosen, rejected, where=where).sum()

  arguments = jnp.ones(2), jnp.full((2, 3), jnp.nan)
  value, grads = jax.value_and_grad(loss, (0, 1))(*arguments)
  assert value == 0
  assert not any(np.asarray(g).any() for g in grads)


def test_losses_fall_as_the_chosen_rises_and_rise_with_any_rejected():
  chosen, rejected = map(jnp.asarray, rises(1))
  for loss, other in ((dpo_loss, rejected[:, 0]), (s_dpo_loss, rejected)):
    total = lambda *x, f=loss: f(*x).sum()  # noqa: E731
    down, up = jax.grad(total, (0, 1))(chosen, other)
    assert (np.asarray(down) < 0).all()
    assert (np.asarray(up) > 0).all()


def changed(x, index, by):
  x = np.array(x)
  x[index] += by
  return x


def test_gradients_agree_with_finite_differences():
  chosen, rejected = rises(2)
  with jax.enable_x64(True):
    loss = jax.jit(lambda c, r: s_dpo_loss(c, r).sum())
    arguments = jnp.asarray(chosen), jnp.asarray(rejected)
    found = jax.grad(loss, (0, 1))(*arguments)
    step = 1e-6
    for which, grad in enumerate(found):
      for index in np.ndindex(grad.shape):
        moved = [
          [changed(x, index, sign * step) if k == which else x
           for k, x in enumerate(arguments)]
          for sign in (1, -1)
        ]  # fmt: skip
        expected = (loss(*moved[0]) - loss(*moved[1])) / (2 * step)
        np.testing.assert_allclose(grad[index], expected, rtol=1e-6, atol=1e-9)
