"""DiffusionNFT over a policy of four numbers, alone and in the loop."""

import functools

import chex
import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gr_jax.diffusion.times import time_grid
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.rl.explore import Exploration
from gr_jax.rl.loop import AlignmentLoopConfig, AlignmentSteps, fit
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.pictures.context import FlowContext
from gr_jax.rl.pictures.nft_update import (
  NftConfig,
  _times,
  make_nft_update,
)
from gr_jax.rl.pictures.rollouts import make_two_stage_rollout, reward_samples
from gr_jax.rl.pictures.samples import PictureBatch, PictureSamples
from gr_jax.rl.update import start_alignment
from gr_jax.training import finite
from gr_jax.training.metric_writer import read_metrics
from tests.reference.flow_policy import (
  D,
  generate,
  nearness,
  params,
  velocity,
)

B, G, TARGET = 8, 4, 1.5
OPTIMIZER = optax.adam(0.1)


CONTEXT, DEFAULT = FlowContext(params()), NftConfig()


@functools.cache
def update(config):
  return make_nft_update(velocity, OPTIMIZER, time_grid(10), config=config)


def samples(seed=0):
  rng = np.random.default_rng(seed)
  pictures = rng.normal(size=(B, G, D)).astype(np.float32)
  return PictureSamples(
    jnp.zeros((B, D)), jnp.zeros((B, G), jnp.int32), jnp.asarray(pictures), {}
  )


def start():
  return start_alignment(params(), OPTIMIZER)


def updated(rewards, config=DEFAULT, state=None):
  state = start() if state is None else state
  return update(config)(state, CONTEXT, samples(), jnp.asarray(rewards))


def moments(state):
  return state.opt_state[0].mu["mean"].tolist()


def test_equal_rewards_change_nothing_without_divergence():
  after, metrics = updated(np.ones((B, G), np.float32))
  chex.assert_trees_all_equal(after.params, params())
  assert metrics["align/grad_norm"] == 0
  assert metrics[finite.FIRST_BAD] == -1


def test_pictures_that_earn_more_are_come_closer_to():
  pictures = np.asarray(samples().pictures)
  after, _ = updated(pictures.mean(axis=-1))
  assert (after.params["mean"] > 0).all()
  after, _ = updated(-pictures.mean(axis=-1))
  assert (after.params["mean"] < 0).all()


def test_the_old_policy_follows_as_a_convex_combination():
  rewards = samples().pictures.mean(axis=-1)
  after, _ = updated(rewards)
  expected = jax.tree.map(
    lambda old, new: 0.9 * old + 0.1 * new, params(), after.params
  )
  chex.assert_trees_all_close(after.old_params, expected, rtol=1e-6)
  after, _ = updated(rewards, NftConfig(old_policy=OldPolicy()))
  chex.assert_trees_all_equal(after.old_params, after.params)


def test_fixed_variables_are_read_and_not_trained():
  """The mean in two parts, as an adapter beside a base."""

  def in_two(variables, x, t, prompts):
    mean = variables["adapter"] + variables["base"]
    return velocity({"mean": mean}, x, t, prompts)

  step = make_nft_update(in_two, OPTIMIZER, time_grid(10), config=DEFAULT)
  adapter, base = {"adapter": jnp.zeros(D)}, {"base": jnp.full(D, 0.5)}
  after, _ = step(
    start_alignment(adapter, OPTIMIZER),
    FlowContext(adapter, base),
    samples(),
    samples().pictures.mean(axis=-1),
  )
  whole = params(0.5)
  expected, _ = update(DEFAULT)(
    start_alignment(whole, OPTIMIZER),
    FlowContext(whole),
    samples(),
    samples().pictures.mean(axis=-1),
  )
  assert after.params.keys() == {"adapter"}
  np.testing.assert_allclose(
    after.params["adapter"] + 0.5, expected.params["mean"], rtol=1e-5
  )


def test_the_draws_of_a_step_depend_on_its_number_and_the_seed_alone():
  rewards = samples().pictures.mean(axis=-1)
  first, again = updated(rewards)[0], updated(rewards)[0]
  chex.assert_trees_all_equal(first.params, again.params)
  seeded, _ = updated(rewards, NftConfig(seed=1))
  assert moments(seeded) != moments(first)
  later = start().replace(step=jnp.int32(7))
  other, _ = updated(rewards, state=later)
  assert moments(other) != moments(first)


def test_a_picture_is_learned_at_different_times_none_of_which_is_zero():
  grid = time_grid(10)
  found = np.asarray(_times(jax.random.key(0), grid, 50, 6))
  assert found.shape == (6, 50)
  assert (found > 0).all()
  assert all(len(set(column)) == 6 for column in found.T)
  assert set(found.ravel()) == set(np.asarray(grid[:-1]))


@pytest.mark.parametrize(
  "options", [{"share": 0}, {"share": 1.1}, {"times": 0}]
)
def test_a_share_or_a_number_of_times_that_cannot_be_is_refused(options):
  with pytest.raises(ValueError, match="share"):
    NftConfig(**options)


def test_a_grid_of_another_length_is_refused():
  with pytest.raises(ValueError, match="11 are wanted"):
    make_nft_update(velocity, OPTIMIZER, time_grid(5), config=NftConfig())


def test_the_loop_of_ids_aligns_pictures_in_two_stages(tmp_path):
  """The mean finds the target of the reward, from previews of three steps."""
  batches = grain.MapDataset.range(64).repeat().batch(B)
  batches = batches.map(
    lambda rows: PictureBatch(
      np.zeros((len(rows), D), np.float32),
      np.full((len(rows), D), TARGET, np.float32),
    )
  )
  config = NftConfig(kl_coef=0.0, old_policy=OldPolicy(1, 0.5))
  mesh = make_mesh(MeshConfig(data=1), devices=jax.devices()[:1])
  steps = AlignmentSteps(
    rollout=make_two_stage_rollout(
      generate(3),
      generate(10),
      nearness,
      exploration=Exploration(12, G),
      rows=B * 12,
    ),
    reward=reward_samples(nearness),
    update=update(config),
    validate=lambda params: {
      "eval/error": float(jnp.abs(params["mean"] - TARGET).mean())
    },
    keeps_old=config.old_policy.keeps,
  )
  last = fit(
    start(), CONTEXT, iter(batches.to_iter_dataset()), steps,
    config=AlignmentLoopConfig(30, log_every=10, eval_every=30),
    key=jax.random.key(0), directory=tmp_path, mesh=mesh,
  )  # fmt: skip
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert rows[0]["eval/error"] == TARGET
  assert rows[-1]["eval/error"] < 0.3
  assert rows[-1]["align/reward"] > rows[1]["align/reward"]
  assert {"align/contrast", "align/preview_reward"} < rows[-1].keys()
  chex.assert_tree_all_finite(last.params)
