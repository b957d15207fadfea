"""One list of laws over all losses of groups."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl.advantages import (
  centered_advantages,
  normalized_advantages,
)
from gr_jax.rl.losses import grpo
from gr_jax.rl.scored_group import ScoredGroup

G, L = 5, 3
SEEDS = st.integers(0, 2**31 - 1)


def of_arrays(loss):
  """The loss of log-probabilities, old ones and given advantages."""

  def of_advantages(new, old, a, *, where):
    group = ScoredGroup(new, old, a, where, where.any(axis=-1))
    return loss(group, advantages=lambda rewards, *, where: rewards)

  return of_advantages


FAMILY = {
  name: of_arrays(loss)
  for name, loss in (
    ("grpo", grpo.grpo_loss),
    ("dapo", grpo.dapo_loss),
    ("dr_grpo", grpo.dr_grpo_loss),
    ("gspo", grpo.gspo_loss),
    ("ecpo", grpo.ecpo_loss),
    ("eg_grpo", grpo.eg_grpo_loss),
    ("grpo_sr", grpo.grpo_sr_loss),
  )
}
every_loss = pytest.mark.parametrize("name", FAMILY)


@functools.cache
def jitted(name):
  return jax.jit(FAMILY[name])


@functools.cache
def gradient(name):
  def total(log_probs, *arguments, where):
    return FAMILY[name](log_probs, *arguments, where=where).sum()

  return jax.jit(jax.grad(total))


def group(seed, spread=0.1, ends=True):
  """Log-probabilities near those of an old policy, and advantages."""
  rng = np.random.default_rng(seed)
  old = np.log(rng.uniform(0.05, 0.9, (G, L)))
  new = old + spread * rng.normal(size=(G, L))
  length = rng.integers(1, L + 1, G) if ends else np.full(G, L)
  where = np.arange(L) < length[:, None]
  return new, old, rng.normal(size=G), where


def as_float32(*arrays):
  return [np.asarray(x, np.float32) for x in arrays]


def clip(rho, a, low, high):
  return np.minimum(rho * a, np.clip(rho, 1 - low, 1 + high) * a)


def written_out(name, new, old, a, where):
  """Each loss with loops over sequences and tokens, as its equation says."""
  total, count = 0.0, 0
  for i in range(len(a)):
    t = np.flatnonzero(where[i])
    if not len(t):
      continue
    d = new[i, t] - old[i, t]
    rho, whole, size = np.exp(d), np.exp(d.sum()), len(t)
    stopped = min(whole, 1.3)  # The value of ECPO's ratio.
    total += {
      "grpo": clip(rho, a[i], 0.2, 0.2).mean(),
      "dapo": clip(rho, a[i], 0.2, 0.28).sum(),
      "dr_grpo": clip(rho, a[i], 0.2, 0.2).sum(),
      "gspo": clip(np.exp(d.mean()), a[i], 3e-4, 4e-4),
      "ecpo": clip(stopped, a[i], 0.2, 0.2),
      "eg_grpo": clip(whole, a[i], 0.2, 0.2),
      "grpo_sr": a[i],
    }[name]
    count += size if name == "dapo" else 1
  return -total / max(count, 1)


@every_loss
@given(SEEDS, st.sampled_from([1e-4, 0.1, 1.0]))
def test_a_loss_is_its_equation(name, seed, spread):
  new, old, a, where = group(seed, spread)
  found = jitted(name)(*as_float32(new, old, a), where=where)
  expected = written_out(name, new, old, a, where)
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@every_loss
@given(SEEDS)
def test_zero_advantage_is_zero_gradient(name, seed):
  new, old, _, where = as_float32(*group(seed, 1.0))
  where = where.astype(bool)
  grad = gradient(name)(new, old, np.zeros(G, np.float32), where=where)
  assert not np.asarray(grad).any()


@every_loss
def test_equal_rewards_are_zero_gradient(name):
  new, old, _, where = group(0, 1.0)
  for function in (centered_advantages, normalized_advantages):
    a = function(jnp.full(G, 0.1, jnp.float32))
    grad = gradient(name)(*as_float32(new, old, a), where=where)
    assert not np.asarray(grad).any()


@every_loss
@given(SEEDS)
def test_padded_places_do_not_matter(name, seed):
  """Neither what stands there, nor how many there are."""
  new, old, a, where = as_float32(*group(seed, 0.3))
  where = where.astype(bool)
  worst = np.where(where, new, -np.inf).astype(np.float32)
  padded = (
    np.pad(worst, ((0, 2), (0, 1)), constant_values=-np.inf),
    np.pad(old, ((0, 2), (0, 1)), constant_values=7),
    np.pad(a, (0, 2), constant_values=100),
  )
  wide = np.pad(where, ((0, 2), (0, 1)))
  np.testing.assert_allclose(
    jitted(name)(*padded, where=wide),
    jitted(name)(new, old, a, where=where),
    rtol=1e-5,
    atol=1e-6,
  )
  grad = np.asarray(gradient(name)(*padded, where=wide))
  expected = gradient(name)(new, old, a, where=where)
  np.testing.assert_allclose(grad[:G, :L], expected, rtol=1e-5, atol=1e-6)
  assert not grad[~wide].any()


@every_loss
def test_an_empty_group_has_zero_loss_and_zero_gradient(name):
  new, old, a, _ = as_float32(*group(3))
  where = np.zeros((G, L), bool)
  assert jitted(name)(new, old, a, where=where) == 0
  assert not np.asarray(gradient(name)(new, old, a, where=where)).any()


@every_loss
def test_the_order_of_a_group_does_not_matter(name):
  new, old, a, where = as_float32(*group(4, 0.5))
  where = where.astype(bool)
  order = np.random.default_rng(0).permutation(G)
  mixed = jitted(name)(new[order], old[order], a[order], where=where[order])
  expected = jitted(name)(new, old, a, where=where)
  np.testing.assert_allclose(mixed, expected, rtol=1e-5)


@every_loss
def test_groups_of_a_batch_do_not_read_each_other(name):
  parts = [group(seed, 0.5) for seed in range(3)]
  new, old, a = as_float32(*(np.stack([p[k] for p in parts]) for k in range(3)))
  where = np.stack([p[3] for p in parts])
  together = jitted(name)(new, old, a, where=where)
  assert together.shape == (3,)
  for b in range(3):
    alone = jitted(name)(new[b], old[b], a[b], where=where[b])
    np.testing.assert_allclose(together[b], alone, rtol=1e-6)


@every_loss
@given(SEEDS)
def test_at_the_old_policy_the_gradient_is_that_of_reinforce(name, seed):
  """Equal for all losses, up to the scale of each."""
  _, old, a, where = group(seed, ends=False)
  old, a = as_float32(old, a)
  value = jitted(name)(old, old, a, where=where)
  grad = gradient(name)(old, old, a, where=where)
  # What one token of sequence i weighs.
  weight = {"dr_grpo": 1 / G, "ecpo": 1 / G, "eg_grpo": 1 / G}
  reinforce = -np.tile(a[:, None], L) * weight.get(name, 1 / (G * L))
  np.testing.assert_allclose(grad, reinforce, rtol=1e-4, atol=1e-6)
  scale = L if name == "dr_grpo" else 1
  np.testing.assert_allclose(value, -a.mean() * scale, atol=1e-5)


def anchored(name, new, old, a, where, at):
  """The loss whose values under a stop-gradient are those at `at`."""
  if name == "ecpo":
    baseline = np.where(where, at, 0).sum(1) - np.log(1.3)
    target = np.maximum(baseline, np.where(where, old, 0).sum(1))
    rho = np.exp(np.where(where, new, 0).sum(1) - target)
    return -clip(rho, a, 0.2, 0.2).mean()
  if name == "grpo_sr":
    rho = np.exp(np.where(where, new - at, 0))
    return -(np.where(where, rho, 0).sum(1) / where.sum(1) * a).mean()
  return written_out(name, new, old, a, where)


@every_loss
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradients_agree_with_finite_differences(name, seed):
  """In float64, from one sequence ratio inside the bounds to ten outside."""
  spread = 1e-4 if name == "gspo" and seed < 2 else 0.3
  new, old, a, where = group(seed, spread)
  with jax.enable_x64(True):
    grad = jax.grad(FAMILY[name])(
      *map(jnp.asarray, (new, old, a)), where=jnp.asarray(where)
    )
    assert grad.dtype == jnp.float64
  step = 1e-7
  for i, t in np.ndindex(G, L):
    move = np.zeros((G, L))
    move[i, t] = step
    above, below = (
      anchored(name, new + sign * move, old, a, where, new) for sign in (1, -1)
    )
    expected = (above - below) / (2 * step)
    np.testing.assert_allclose(grad[i, t], expected, rtol=1e-5, atol=1e-7)


def test_a_positive_advantage_raises_its_sequence():
  for name in FAMILY:
    new, old, _, where = group(5, 0.0)
    a = np.zeros(G)
    a[1] = 1
    grad = gradient(name)(*as_float32(new, old, a), where=where)
    assert (np.asarray(grad)[1][where[1]] < 0).all(), name


@pytest.mark.parametrize("name", sorted(set(FAMILY) - {"grpo_sr"}))
def test_outside_the_bounds_there_is_nothing_more_to_gain(name):
  """A ratio of e^2 with A > 0, of e^-2 with A < 0: no gradient."""
  old = np.full((2, L), -2.0)
  new = old + np.array([[2.0], [-2.0]])
  grad = gradient(name)(
    *as_float32(new, old, [1.0, -1.0]), where=np.ones((2, L), bool)
  )
  assert not np.asarray(grad).any()


def test_ecpo_bounds_the_gradient_of_a_negative_advantage():
  old = np.full((1, L), -4.0)
  where = np.ones((1, L), bool)
  for rise in (0.5, 1.0, 3.0):
    arguments = as_float32(old + rise, old, [-1.0])
    bounded = gradient("ecpo")(*arguments, where=where)
    np.testing.assert_allclose(bounded, np.full((1, L), 1.3), rtol=1e-4)
    unbounded = gradient("eg_grpo")(*arguments, where=where)
    np.testing.assert_allclose(unbounded, np.exp(L * rise), rtol=1e-4)


@given(SEEDS)
def test_ecpo_is_eg_grpo_where_no_advantage_is_negative(seed):
  new, old, a, where = group(seed, 0.5)
  arguments = as_float32(new, old, np.abs(a))
  np.testing.assert_allclose(
    gradient("ecpo")(*arguments, where=where),
    gradient("eg_grpo")(*arguments, where=where),
    rtol=1e-5,
    atol=1e-7,
  )


@pytest.mark.parametrize("name", sorted(FAMILY))
def test_advantages_are_those_of_the_rewards_of_present_members(name):
  """Centred for Dr.GRPO, normalised for all others, unless one says else."""
  new, old, rewards, where = as_float32(*group(8, 0.3))
  where = where.astype(bool)
  where[-1] = False
  scored = ScoredGroup(new, old, rewards, where, where.any(axis=-1))
  loss = getattr(grpo, f"{name}_loss")
  functions = {"normalized": normalized_advantages}
  functions["centered"] = centered_advantages
  default = "centered" if name == "dr_grpo" else "normalized"
  found = {}
  for kind, function in functions.items():
    a = function(jnp.asarray(rewards), where=jnp.asarray(where.any(axis=-1)))
    found[kind] = loss(scored, advantages=function)
    expected = jitted(name)(new, old, a, where=where)
    np.testing.assert_allclose(found[kind], expected, rtol=1e-5, atol=1e-6)
  assert loss(scored) == found[default]


def test_no_policy_loss_is_zero_for_every_group():
  x = jnp.ones((2, 1, 3))
  scored = ScoredGroup(x, x, x[..., 0], x > 0, x[..., 0] > 0)
  np.testing.assert_array_equal(grpo.zero_loss(scored), np.zeros(2))


def test_sequences_of_one_token_make_token_and_sequence_ratios_agree():
  new, old, a, _ = group(6, 0.5)
  where = np.arange(L) < np.ones((G, 1))
  arguments = as_float32(new, old, a)
  grpo = jitted("grpo")(*arguments, where=where)
  for name in ("dr_grpo", "eg_grpo"):
    found = jitted(name)(*arguments, where=where)
    np.testing.assert_allclose(found, grpo, rtol=1e-6)


def test_nll_is_the_mean_over_positives_of_their_surprise():
  log_probs = jnp.log(jnp.array([[0.5, 0.25], [0.5, 1e-9], [0.1, 0.1]]))
  where = jnp.array([[True, True], [True, False], [False, False]])
  value, grad = jax.value_and_grad(grpo.nll_loss)(log_probs, where=where)
  np.testing.assert_allclose(value, (3 + 1) * np.log(2) / 2, rtol=1e-6)
  np.testing.assert_array_equal(grad, -0.5 * where)


def test_equal_rewards_stop_the_policy_term_and_not_the_nll():
  new, _, _, where = as_float32(*group(7))
  where = where.astype(bool)
  a = normalized_advantages(jnp.full(G, 0.4, jnp.float32))
  policy = jax.grad(FAMILY["grpo_sr"])(new, new, a, where=where)
  assert not np.asarray(policy).any()
  assert np.asarray(jax.grad(grpo.nll_loss)(new, where=where))[where].all()
