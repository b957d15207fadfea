"""Flow models as policies whose choices are the steps of a stochastic walk.

Flow-GRPO (arXiv 2505.05470): a sampler with noise makes each step a normal
distribution, so that a path of `S` steps is a sequence of `S` choices with
log-probabilities. `flow_grpo_update` learns them as published; `rl.update` with
`make_path_score` learns them with any loss of `gr_jax/rl/losses`, those of
whole sequences among them, whose estimators of the divergence read
log-probabilities and are not eq. 11 of Flow-GRPO.

Log-probabilities are means over the numbers of a picture, as in Flow-GRPO's and
DanceGRPO's code: sums over thousands of them would make every ratio 0 or
infinite.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from gr_jax.diffusion.noise import first_noise
from gr_jax.diffusion.sde import path_log_probs, sample_path
from gr_jax.rl.objective import Score
from gr_jax.rl.pictures.context import FlowContext, Velocity
from gr_jax.rl.pictures.samples import (
  PictureBatch,
  draw_seeds,
  repeat_prompts,
)
from gr_jax.rl.scored_group import Group


@struct.dataclass
class PathSamples:
  """`G` paths for each of `B` prompts.

  Attributes:
    prompts: a tree `[B, ...]`.
    group: `ids` are seeds, `codes` `[B, G, S + 1, ...]` all states of a path,
      `where` the steps that have noise.
    positives_where: `[B, 0, S]`; pictures have no positives.
    drawn_log_probs: `[B, G, S]` of the policy that drew the paths.
  """

  prompts: Any
  group: Group
  positives_where: jax.Array
  drawn_log_probs: jax.Array

  @property
  def pictures(self) -> jax.Array:
    """`[B, G, ...]`, where the paths end."""
    return self.group.codes[:, :, -1]


def make_path_rollout(
  velocity: Velocity,
  shape: tuple[int, ...],
  times: jax.Array,
  sigmas: jax.Array,
  *,
  group_size: int,
) -> Callable[[Any, FlowContext, PictureBatch, jax.Array], PathSamples]:
  """One jitted call that draws `group_size` paths of each prompt.

  The network is the one of the update, with an adapter beside its base: merged
  weights round otherwise, and a ratio to the old policy would not begin at 1.

  Args:
    velocity: the network.
    shape: the shape of a picture.
    times: `[S + 1]`, falling from 1 to 0.
    sigmas: `[S]`, see `diffusion.sde`; a step with 0 is no choice.
    group_size: `G`.
  """

  def rollout(params, context, batch, key):
    variables = context.variables(params)
    size = len(jax.tree.leaves(batch.prompts)[0])
    seeds = draw_seeds(key, size, group_size)
    prompts = repeat_prompts(batch.prompts, group_size)
    flat = seeds.ravel()
    path = sample_path(
      lambda x, t: velocity(variables, x, t, prompts),
      first_noise(flat, shape),
      flat,
      times,
      sigmas,
    )
    states = _of_groups(path.states, seeds)
    log_probs = _of_groups(path.log_probs, seeds) / states[0, 0, 0].size
    where = jnp.broadcast_to(sigmas > 0, log_probs.shape)
    return PathSamples(
      batch.prompts,
      Group(seeds, states, where, jnp.ones(seeds.shape, bool)),
      jnp.zeros((size, 0, len(sigmas)), bool),
      log_probs,
    )

  return jax.jit(rollout)


def make_path_score(
  velocity: Velocity, times: jax.Array, sigmas: jax.Array
) -> Score:
  """Log-probabilities of the steps of paths, `[B, G, S]` and `[B, 0, S]`."""

  def score(params, context, samples: Any):
    variables = context.variables(params)
    seeds, states = samples.group.ids, samples.group.codes
    prompts = repeat_prompts(samples.prompts, seeds.shape[1])
    flat = states.reshape(-1, *states.shape[2:])
    found = path_log_probs(
      lambda x, t: velocity(variables, x, t, prompts),
      jnp.moveaxis(flat, 1, 0),
      times,
      sigmas,
    )
    log_probs = _of_groups(found, seeds) / states[0, 0, 0].size
    return log_probs, jnp.zeros(samples.positives_where.shape)

  return score


def _of_groups(x: jax.Array, seeds: jax.Array) -> jax.Array:
  """`[T, B G, ...]` as `[B, G, T, ...]`."""
  return jnp.moveaxis(x, 0, 1).reshape(*seeds.shape, len(x), *x.shape[2:])
