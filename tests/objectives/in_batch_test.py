import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.objectives.in_batch import in_batch_softmax

B, C, D = 4, 7, 5
ALL = np.ones((B, C), bool)


def drawn(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def loss(q, d, mask=ALL, **options):
  return in_batch_softmax(q, d, temperature=0.5, negative_mask=mask, **options)


@given(st.integers(0, 100))
def test_it_is_the_mean_of_minus_log_softmax(seed):
  rng = np.random.default_rng(seed)
  q, d = drawn(B, D, seed=seed), drawn(C, D, seed=seed + 1)
  mask, where = rng.random((B, C)) < 0.5, rng.random(B) < 0.7
  expected = []
  for b in np.flatnonzero(where):
    candidates = [c for c in range(C) if mask[b, c] or c == b]
    scores = np.exp([q[b] @ d[c] / 0.5 for c in candidates])
    expected.append(-np.log(np.exp(q[b] @ d[b] / 0.5) / scores.sum()))
  np.testing.assert_allclose(
    loss(q, d, mask, where=where), np.sum(expected) / max(1, len(expected)),
    rtol=1e-4, atol=1e-5,
  )  # fmt: skip


def test_equal_scores_cost_the_logarithm_of_their_number():
  value = loss(jnp.zeros((B, D)), jnp.zeros((C, D)))
  np.testing.assert_allclose(value, np.log(C), rtol=1e-6)


def test_the_order_of_a_batch_does_not_matter():
  q, d = drawn(B, D), drawn(B, D, seed=1)
  order = np.array([2, 0, 3, 1])
  full = np.ones((B, B), bool)
  np.testing.assert_allclose(
    loss(q, d, full), loss(q[order], d[order], full), rtol=1e-5
  )


def test_what_is_no_negative_gets_no_gradient():
  q, d = drawn(B, D), drawn(C, D, seed=1)
  mask = ALL.copy()
  mask[:, C - 1] = False
  grads = jax.grad(lambda d: loss(q, d, mask))(d)
  assert not grads[C - 1].any()
  assert (np.abs(grads[: C - 1]).max(axis=1) > 0).all()
