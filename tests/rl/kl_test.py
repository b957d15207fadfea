import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl.kl import k1, k2, k3, kl_penalty

ALL = [k1, k2, k3]
SEEDS = st.integers(0, 2**31 - 1)


def policies(seed, codes=5):
  rng = np.random.default_rng(seed)
  logits = jnp.asarray(rng.normal(size=(2, codes)), jnp.float32)
  return logits[0], jax.nn.log_softmax(logits[1])


def divergence(logits, reference):
  p = jax.nn.log_softmax(logits)
  return jnp.sum(jnp.exp(p) * (p - reference))


@given(SEEDS)
def test_k1_and_k3_have_the_divergence_as_their_mean(seed):
  logits, reference = policies(seed)
  log_probs = jax.nn.log_softmax(logits)
  for estimator in (k1, k3):
    mean = jnp.sum(jnp.exp(log_probs) * estimator(log_probs, reference))
    expected = divergence(logits, reference)
    np.testing.assert_allclose(mean, expected, rtol=1e-4, atol=1e-6)


@given(SEEDS)
def test_k2_and_k3_are_never_negative_and_zero_at_the_reference(seed):
  logits, reference = policies(seed)
  log_probs = jax.nn.log_softmax(logits)
  for estimator in (k2, k3):
    assert (np.asarray(estimator(log_probs, reference)) >= 0).all()
  for estimator in ALL:
    assert not np.asarray(estimator(reference, reference)).any()


@given(SEEDS)
def test_mean_gradients_of_the_estimators(seed):
  """k1: none. k2: of KL(pi, ref). k3: of KL(ref, pi)."""
  logits, reference = policies(seed)
  p = jax.nn.softmax(logits)

  def mean(logits, estimator):
    log_probs = jax.nn.log_softmax(logits)
    return jnp.sum(p * estimator(log_probs, reference))

  def reverse(logits):
    return -jnp.sum(jnp.exp(reference) * jax.nn.log_softmax(logits))

  expected = {
    k1: jnp.zeros_like(logits),
    k2: jax.grad(divergence)(logits, reference),
    k3: jax.grad(reverse)(logits),
  }
  for estimator, gradient in expected.items():
    found = jax.grad(mean)(logits, estimator)
    np.testing.assert_allclose(found, gradient, atol=1e-5)


@pytest.mark.parametrize("estimator", ALL)
def test_padded_places_do_not_matter(estimator):
  rng = np.random.default_rng(0)
  new, reference = jnp.asarray(rng.normal(size=(2, 4, 3)), jnp.float32)
  where = np.arange(3) < np.array([[3], [1], [2], [0]])
  means = [
    np.mean([estimator(a, b) for a, b in zip(n[w], r[w])])
    for n, r, w in zip(new, reference, where)
    if w.any()
  ]

  def penalty(new):
    return kl_penalty(new, reference, where=where, estimator=estimator)

  hidden = jnp.where(where, new, -jnp.inf)
  value, grad = jax.value_and_grad(penalty)(hidden)
  np.testing.assert_allclose(value, np.mean(means), rtol=1e-5)
  assert np.isfinite(grad).all()
  assert not np.asarray(grad)[~where].any()


@pytest.mark.parametrize("estimator", ALL)
def test_gradients_agree_with_finite_differences(estimator):
  rng = np.random.default_rng(1)
  new, reference = rng.normal(size=(2, 7))
  with jax.enable_x64(True):
    new, reference = jnp.asarray(new), jnp.asarray(reference)
    grad = jax.vmap(jax.grad(estimator))(new, reference)
    step = 1e-6
    above, below = (estimator(new + s * step, reference) for s in (1, -1))
    expected = (above - below) / (2 * step)
    np.testing.assert_allclose(grad, expected, rtol=1e-6, atol=1e-9)
