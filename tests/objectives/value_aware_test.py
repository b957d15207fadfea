import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.objectives.next_token import code_losses
from gr_jax.objectives.value_aware import (
  target_totals,
  total_loss,
  value_aware_losses,
)

SIZES = (4, 5, 3)
RNG = np.random.default_rng(0)
CODES = [jnp.asarray(RNG.normal(size=(2, 3, c)), jnp.float32) for c in SIZES]
EARLY = [jnp.asarray(RNG.normal(size=(2, 3, c)), jnp.float32) for c in SIZES]
VALUES = jnp.asarray(RNG.normal(size=(2, 3, 4)), jnp.float32)
TARGETS = np.stack([RNG.integers(0, c, (2, 3)) for c in SIZES], axis=-1)
BUCKETS = RNG.integers(0, 4, (2, 3))
WEIGHTS = RNG.uniform(0.5, 2, (2, 3)).astype(np.float32)
WHERE = np.array([[True, True, False], [True, False, False]])


def losses(rows=slice(None), weights=WEIGHTS, early=EARLY, **options):
  return value_aware_losses(
    [x[rows] for x in CODES],
    [x[rows] for x in early],
    VALUES[rows],
    TARGETS[rows],
    BUCKETS[rows],
    weights=weights[rows],
    where=WHERE[rows],
    **options,
  )


def test_with_equal_weights_codes_have_the_next_token_loss():
  found = losses(weights=np.full_like(WEIGHTS, 3))
  wanted = code_losses(CODES, TARGETS, where=WHERE)
  np.testing.assert_allclose(found.codes, wanted, rtol=1e-6)
  alone = code_losses(EARLY, TARGETS, where=WHERE).sum()
  np.testing.assert_allclose(found.early, alone, rtol=1e-6)


def test_samples_count_as_their_weights():
  """A weight of two is a target that comes up twice."""
  found = losses()
  log_probs = jax.nn.log_softmax(VALUES)
  own = -np.take_along_axis(np.asarray(log_probs), BUCKETS[..., None], -1)
  wanted = np.average(own[..., 0], weights=WEIGHTS * WHERE)
  np.testing.assert_allclose(found.value, wanted, rtol=1e-6)


def test_parts_of_a_batch_add_up():
  totals = target_totals(WEIGHTS, where=WHERE)
  parts = [losses(slice(i, i + 1), totals=totals) for i in range(2)]
  for whole, *some in zip(losses(), *parts):
    np.testing.assert_allclose(whole, sum(some), rtol=1e-6)


def test_what_is_not_there_changes_nothing():
  changed = np.where(WHERE, WEIGHTS, 100)
  for a, b in zip(losses(), losses(weights=changed)):
    np.testing.assert_array_equal(a, b)


def test_the_sum_has_its_coefficients():
  found = losses()
  total, metrics = total_loss(found, value_coef=0.5, early_coef=2.0)
  wanted = found.codes.sum() + 0.5 * found.value + 2 * found.early
  np.testing.assert_allclose(total, wanted, rtol=1e-6)
  assert metrics["train/loss_3"] == found.codes[2]
  assert losses(early=[]).early == 0
