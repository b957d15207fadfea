"""Flow-GRPO and DanceGRPO over a policy of four numbers."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gr_jax.diffusion.sde import flow_grpo_sigmas
from gr_jax.diffusion.times import time_grid
from gr_jax.rl.explore import Exploration
from gr_jax.rl.losses.grpo import grpo_loss
from gr_jax.rl.objective import AlignmentConfig
from gr_jax.rl.pictures.context import FlowContext
from gr_jax.rl.pictures.path_policy import make_path_rollout, make_path_score
from gr_jax.rl.pictures.rollouts import reward_samples
from gr_jax.rl.pictures.samples import PictureBatch
from gr_jax.rl.update import make_update, start_alignment
from tests.reference.flow_policy import D, nearness, params, velocity

B, G, S, TARGET = 8, 6, 6, 1.0
TIMES = time_grid(S)
SIGMAS = flow_grpo_sigmas(TIMES, 0.7).at[-1].set(0.0)
OPTIMIZER = optax.adam(0.05)
BATCH = PictureBatch(jnp.zeros((B, D)), np.full((B, D), TARGET, np.float32))


CONTEXT = FlowContext(params())


@functools.cache
def rollout(size=G):
  return make_path_rollout(velocity, (D,), TIMES, SIGMAS, group_size=size)


@functools.cache
def score():
  return jax.jit(make_path_score(velocity, TIMES, SIGMAS))


def draw(values, size=G, seed=0):
  return rollout(size)(values, CONTEXT, BATCH, jax.random.key(seed))


def test_what_drew_a_path_and_what_scores_it_are_one_policy():
  samples = draw(params(0.3))
  log_probs, positives = score()(params(0.3), CONTEXT, samples)
  np.testing.assert_allclose(
    log_probs, samples.drawn_log_probs, rtol=1e-4, atol=1e-4
  )
  assert positives.shape == (B, 0, S)
  other, _ = score()(params(0.4), CONTEXT, samples)
  assert np.abs(np.asarray(other - log_probs)[..., :-1]).max() > 1e-3


def test_a_step_without_noise_is_no_choice():
  samples = draw(params())
  assert samples.group.where[..., :-1].all()
  assert not samples.group.where[..., -1].any()
  np.testing.assert_array_equal(samples.drawn_log_probs[..., -1], 0)


def test_pictures_are_where_paths_end_and_their_seeds_name_them():
  samples = draw(params())
  chex.assert_shape(samples.pictures, (B, G, D))
  np.testing.assert_array_equal(samples.pictures, samples.group.codes[:, :, S])
  again = draw(params())
  np.testing.assert_array_equal(again.pictures, samples.pictures)
  assert len(np.unique(samples.group.ids)) == B * G


def test_what_is_fixed_is_read_beside_what_is_trained():
  """The mean in two parts, as an adapter beside a base."""

  def in_two(variables, x, t, prompts):
    mean = variables["adapter"] + variables["base"]
    return velocity({"mean": mean}, x, t, prompts)

  adapter = {"adapter": jnp.full(D, -0.2)}
  context = FlowContext(adapter, {"base": jnp.full(D, 0.5)})
  rollout = make_path_rollout(in_two, (D,), TIMES, SIGMAS, group_size=G)
  samples = rollout(adapter, context, BATCH, jax.random.key(0))
  expected = draw(params(0.3))
  np.testing.assert_allclose(
    samples.pictures, expected.pictures, rtol=1e-5, atol=1e-5
  )
  log_probs, _ = make_path_score(in_two, TIMES, SIGMAS)(
    adapter, context, samples
  )
  np.testing.assert_allclose(
    log_probs, samples.drawn_log_probs, rtol=1e-4, atol=1e-4
  )


@pytest.mark.slow
@pytest.mark.parametrize("explore", [None, Exploration(3 * G, G)])
def test_a_loss_of_the_grpo_family_finds_the_target(explore):
  """Flow-GRPO, and DanceGRPO on the best and the worst of the paths."""
  state = start_alignment(params(), OPTIMIZER)
  update = make_update(
    make_path_score(velocity, TIMES, SIGMAS),
    OPTIMIZER,
    config=AlignmentConfig(grpo_loss, kl_coef=0.0),
    like=state,
    explore=explore,
  )
  reward, size = reward_samples(nearness), explore.candidates if explore else G
  for step in range(25):
    samples = draw(state.old_params, size, seed=step)
    rewards = jnp.asarray(reward(BATCH, samples))
    state, metrics = update(state, CONTEXT, samples, rewards)
  error = np.abs(np.asarray(state.params["mean"]) - TARGET)
  assert error.max() < 0.4
  assert metrics["align/valid"] == 1
