import jax
import numpy as np
import pytest

from gr_jax.generators.priors import candidate_fit
from gr_jax.generators.priors.candidate_fit import CandidateRows, FitConfig
from gr_jax.generators.priors.candidate_prior import CandidatePrior

N, R, F = 40, 6, 3
PRIOR = CandidatePrior(F, levels=2, width=4, hidden=8)


def rows(seed=0, n=N):
  """Candidates whose first feature says which ones are liked."""
  rng = np.random.default_rng(seed)
  features = rng.normal(size=(n, R, F)).astype(np.float32)
  mask = rng.random((n, R)) < 0.9
  liked = 3 * features[..., 0] + rng.gumbel(size=(n, R))
  best = np.where(mask, liked, -99).argmax(axis=1)
  wanted = (np.arange(R) == best[:, None]) & mask
  shares = (0.01 * rng.random((n, R))).astype(np.float32)
  return CandidateRows(features, mask, wanted, shares)


def initial(seed=1):
  return candidate_fit._initial(PRIOR, seed)


def test_the_loss_is_that_of_the_mixture_item_by_item():
  some, params = rows(), initial()
  # Some requests led to two items, some to none of their candidates.
  more = np.arange(N) % 4 == 0
  some.wanted[more] |= some.mask[more] & (np.arange(R) == 2)
  some.wanted[1::4] = False
  params["linear"] = np.array([0.5, -1.0, 0.2], np.float32)
  total, led = 0.0, 0
  for k in range(N):
    log_weights = PRIOR.apply(
      {"params": params}, some.features[k], method="log_weights"
    )
    weights = np.where(some.mask[k], np.exp(log_weights), 0)
    whole = 1 + weights.sum()
    targets = np.flatnonzero(some.wanted[k])
    for i in targets:
      each = -np.log((some.shares[k, i] + weights[i]) / whole)
      total += each / len(targets)
    led += len(targets) > 0
  found = candidate_fit.loss(PRIOR, params, some)
  assert float(found) == pytest.approx(total / led, rel=1e-5)


def test_padding_changes_neither_loss_nor_gradient():
  some = rows()
  other = some._replace(
    features=np.where(some.mask[..., None], some.features, 4.0)
  )
  value = jax.value_and_grad(lambda p, r: candidate_fit.loss(PRIOR, p, r))
  one, two = value(initial(), some), value(initial(), other)
  jax.tree.map(np.testing.assert_allclose, one, two)
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(one))


@pytest.fixture(scope="module")
def fitted():
  config = FitConfig(
    steps=300, batch_size=32, evaluations=3, learning_rate=5e-3
  )
  return candidate_fit.fit(PRIOR, rows(n=400), config=config)


def test_targets_that_a_feature_tells_come_first(fitted):
  new = rows(seed=5)
  scores = PRIOR.apply({"params": fitted}, new.features, method="log_weights")
  first = np.where(new.mask, scores, -np.inf).argmax(axis=1)
  assert new.wanted[np.arange(N), first].mean() > 0.6


def test_features_that_say_nothing_leave_the_weights_of_the_least_loss():
  noise = rows(n=60)
  rng = np.random.default_rng(3)
  wanted = np.arange(R) == rng.integers(0, R, 60)[:, None]
  noise = noise._replace(wanted=wanted & noise.mask)
  config = FitConfig(
    steps=400, batch_size=32, held_out_share=0.5, learning_rate=3e-2
  )
  params = candidate_fit.fit(PRIOR, noise, config=config)
  held = jax.tree.map(lambda x: x[:30], noise)
  assert candidate_fit.loss(PRIOR, params, held) <= candidate_fit.loss(
    PRIOR, initial(0), held
  )


def test_requests_of_a_later_time_choose_the_weights():
  some, later = rows(n=60), rows(seed=4, n=20)
  # What was liked is not any more.
  worst = np.where(later.mask, -later.features[..., 0], -99).argmax(axis=1)
  later = later._replace(wanted=(np.arange(R) == worst[:, None]) & later.mask)
  config = FitConfig(steps=80, batch_size=32, evaluations=4, learning_rate=2e-2)
  chosen = candidate_fit.fit(PRIOR, some, config=config, held_out=later)
  config = config._replace(held_out_share=0.0)
  last = candidate_fit.fit(PRIOR, some, config=config)
  found, first, others = (
    float(candidate_fit.loss(PRIOR, params, later))
    for params in (chosen, initial(0), last)
  )
  assert found <= first < others


def test_nothing_to_fit_is_an_error():
  nothing = jax.tree.map(lambda x: x[:0], rows())
  with pytest.raises(ValueError, match="nothing to fit"):
    candidate_fit.fit(PRIOR, nothing, config=FitConfig())
