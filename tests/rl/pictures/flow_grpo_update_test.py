"""Flow-GRPO's update over a policy of four numbers."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gr_jax.diffusion.sde import path_log_probs, transition
from gr_jax.diffusion.times import time_grid
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.pictures.advantages import prompt_advantages
from gr_jax.rl.pictures.context import FlowContext
from gr_jax.rl.pictures.flow_grpo_update import (
  FlowGrpoConfig,
  make_flow_grpo_update,
)
from gr_jax.rl.pictures.path_policy import make_path_rollout
from gr_jax.rl.pictures.rollouts import reward_samples
from gr_jax.rl.pictures.samples import PictureBatch
from gr_jax.rl.update import start_alignment
from gr_jax.training import finite
from tests.reference.flow_policy import D, nearness, params, velocity

B, G, S, TARGET = 4, 6, 5, 1.0
GRID = time_grid(S)
# The gradient is what parameters lose.
DESCENT = optax.sgd(1.0)
BATCH = PictureBatch(jnp.zeros((B, D)), np.full((B, D), TARGET, np.float32))
CONTEXT = FlowContext(params())
PLAIN = FlowGrpoConfig(steps=S, kl_coef=0.0, clip_eps=0.05)
STEPS = slice(S - 1)


@functools.cache
def update(config=PLAIN, optimizer=DESCENT):
  return make_flow_grpo_update(velocity, optimizer, GRID, config=config)


@functools.cache
def rollout():
  return make_path_rollout(
    velocity, (D,), GRID, PLAIN.sigmas(GRID), group_size=G
  )


def draw(values, seed=0):
  return rollout()(values, CONTEXT, BATCH, jax.random.key(seed))


def rewards_of(samples):
  return jnp.asarray(reward_samples(nearness)(BATCH, samples))


@functools.cache
def drawn():
  """Paths of the first policy, and their rewards."""
  samples = draw(params())
  return samples, rewards_of(samples)


def learned(values, config=PLAIN, rewards=None, samples=None):
  """Gradients of the mean, and metrics, at parameters that drew nothing."""
  samples = drawn()[0] if samples is None else samples
  rewards = drawn()[1] if rewards is None else rewards
  state = start_alignment(values, DESCENT)
  after, metrics = update(config)(state, CONTEXT, samples, rewards)
  return np.asarray(values["mean"] - after.params["mean"]), metrics


@jax.jit
def log_probs(mean, states):
  """`[G B, S]`, means over a picture, of paths `[B, G, S + 1, D]`."""
  found = path_log_probs(
    lambda x, t: velocity({"mean": mean}, x, t, jnp.zeros(D)),
    jnp.moveaxis(states.reshape(-1, S + 1, D), 1, 0),
    GRID,
    PLAIN.sigmas(GRID),
  )
  return found.T / D


def advantages():
  return prompt_advantages(drawn()[1]).reshape(-1, 1)


def test_at_the_old_parameters_it_is_the_policy_gradient():
  def plain(mean):
    found = log_probs(mean, drawn()[0].group.codes)[:, STEPS]
    return -jnp.mean(found * advantages())

  found, metrics = learned(params())
  expected = jax.grad(plain)(params()["mean"])
  assert np.abs(expected).max() > 1e-3
  np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
  np.testing.assert_allclose(metrics["align/log_ratio"], 0, atol=1e-6)
  assert metrics["align/clipped"] == 0
  # What earns more becomes likelier: nearer to the target.
  assert (found < 0).all()


def test_ratios_are_clipped_and_what_is_clipped_has_no_gradient():
  states, A = drawn()[0].group.codes, advantages()
  old = log_probs(params()["mean"], states)

  def ratios(mean):
    return jnp.exp(log_probs(mean, states) - old)[:, STEPS]

  values = params(0.4)
  p = ratios(values["mean"])
  free = np.asarray(jnp.where(A > 0, p < 1.05, p > 0.95))
  assert 0.1 < free.mean() < 0.9
  found, metrics = learned(values)
  expected = jax.grad(lambda mean: -jnp.mean(free * ratios(mean) * A))(
    values["mean"]
  )
  np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
  bounded = np.where(A > 0, np.minimum(p, 1.05), np.maximum(p, 0.95))
  np.testing.assert_allclose(
    metrics["align/policy_loss"], -(bounded * A).mean(), rtol=1e-3
  )
  np.testing.assert_allclose(metrics["align/clipped"], 1 - free.mean())


def gaussian_kl(mean, other, std):
  """Of two normal distributions, summed over a fine grid of numbers."""
  x = np.linspace(-12, 12, 4001)[:, None] * std + mean
  log_p = -((x - mean) ** 2) / (2 * std**2)
  log_q = -((x - other) ** 2) / (2 * std**2)
  density = np.exp(log_p) / (std * np.sqrt(2 * np.pi))
  return np.sum(density * (log_p - log_q), axis=0) * (x[1] - x[0])


def test_the_divergence_is_that_of_the_steps_of_policy_and_reference():
  samples, _ = drawn()
  equal = jnp.ones((B, G))
  _, metrics = learned(params(0.3), rewards=equal)
  states, sigmas = samples.group.codes, PLAIN.sigmas(GRID)
  found = []
  for step in range(S - 1):
    x = states[:, :, step].reshape(-1, D)
    now = [jnp.full(len(x), a[step]) for a in (GRID, GRID[1:], sigmas)]
    policy, reference = (
      transition(lambda x, t, p=p: velocity(p, x, t, 0.0), x, *now)
      for p in (params(0.3), params())
    )
    found.append(
      gaussian_kl(
        np.asarray(policy.mean, float).ravel(),
        np.asarray(reference.mean, float).ravel(),
        float(policy.std[0]),
      ).mean()
    )
  np.testing.assert_allclose(metrics["align/kl"], np.mean(found), rtol=1e-3)
  same = learned(params(), rewards=equal)[1]["align/kl"]
  np.testing.assert_allclose(same, 0, atol=1e-9)


def test_the_divergence_alone_pulls_to_the_reference():
  config = FlowGrpoConfig(steps=S, kl_coef=0.5)
  for value in (0.3, -0.3):
    found, metrics = learned(params(value), config, jnp.ones((B, G)))
    assert (np.sign(found) == np.sign(value)).all()
    assert metrics["align/policy_loss"] == 0
  found, _ = learned(params(), config, jnp.ones((B, G)))
  np.testing.assert_allclose(found, 0, atol=1e-8)


def test_only_the_best_and_the_worst_are_learned():
  """By bounded advantages among all, in the steps that are learned.

  Nothing else is read but where a path ends.
  """
  samples, rewards = drawn()
  order = np.argsort(-np.asarray(rewards), axis=1)
  rest = np.zeros((B, G), bool)
  np.put_along_axis(rest, order[:, 2:-2], True, axis=1)
  codes = np.array(samples.group.codes)
  codes[rest, :-1] = np.nan
  codes[:, :, 3:-1] = np.nan
  poisoned = samples.replace(group=samples.group.replace(codes=codes))
  config = FlowGrpoConfig(
    steps=S, learned=2, kl_coef=0.0, clip_eps=0.05, largest=0.8, keep=2
  )
  found, metrics = learned(params(), config, samples=poisoned)
  bounded = jnp.clip(advantages(), -0.8, 0.8)
  assert 0.1 < np.mean(np.abs(bounded) == np.float32(0.8)) < 0.9

  def plain(mean):
    gains = log_probs(mean, samples.group.codes)[:, :2] * bounded
    return -jnp.mean(gains[~rest.ravel()])

  np.testing.assert_allclose(
    found, jax.grad(plain)(params()["mean"]), rtol=1e-3, atol=1e-6
  )
  np.testing.assert_allclose(metrics["align/reward"], rewards.mean(), rtol=1e-5)


@pytest.mark.parametrize("keep", [0, 2])
def test_the_reward_rises_on_paths_of_an_older_policy(keep):
  optimizer = optax.adam(0.05)
  config = FlowGrpoConfig(steps=S, kl_coef=0.0, clip_eps=0.05, keep=keep)
  state, first = start_alignment(params(), optimizer), params()
  for step in range(30):
    samples = draw(state.old_params, seed=step)
    state, metrics = update(config, optimizer)(
      state, CONTEXT, samples, rewards_of(samples)
    )
    if step == 0:
      chex.assert_trees_all_equal(state.old_params, first)
      before = metrics["align/reward"]
    if step == 1:
      chex.assert_trees_all_equal(state.old_params, state.params)
  assert metrics["align/reward"] > before + 0.5
  assert np.abs(state.params["mean"] - TARGET).max() < 0.4
  assert metrics[finite.FIRST_BAD] == -1


def test_steps_that_are_not_learned_have_no_noise():
  some = FlowGrpoConfig(steps=S, learned=2).sigmas(GRID)
  assert (np.asarray(some) > 0).tolist() == [True, True, False, False, False]
  np.testing.assert_array_equal(some[:2], PLAIN.sigmas(GRID)[:2])
  assert PLAIN.choices == S - 1
  assert PLAIN.sigmas(GRID)[-1] == 0


@pytest.mark.parametrize(
  ("options", "words"),
  [
    ({"steps": 1}, "steps \\(1\\)"),
    ({"learned": 11}, "learned \\(11\\)"),
    ({"noise_level": 0}, "noise_level \\(0\\)"),
    ({"clip_eps": 0}, "clip_eps \\(0\\)"),
    ({"keep": -1}, "keep \\(-1\\)"),
  ],
)
def test_options_that_cannot_be_are_refused(options, words):
  with pytest.raises(ValueError, match=words):
    FlowGrpoConfig(**options)


def test_a_grid_or_a_group_that_does_not_fit_is_refused():
  with pytest.raises(ValueError, match="11 are wanted"):
    FlowGrpoConfig().sigmas(GRID)
  with pytest.raises(ValueError, match=r"keep \(4\).*group \(6\)"):
    FlowGrpoConfig(keep=4).kept(G)
  assert FlowGrpoConfig(keep=3).kept(G) == G == FlowGrpoConfig().kept(G)
  assert FlowGrpoConfig().old_policy == OldPolicy(every=2)
