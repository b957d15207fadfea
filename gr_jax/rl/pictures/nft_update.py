"""One update of a flow model by DiffusionNFT, for the alignment loop.

Of each picture some times of the sampler's grid are drawn without repeats; at
each the picture gets fresh noise, and the velocities of the trained, the old
and the reference parameters there give its loss (`diffusion.diffusion_nft`).
Gradients of all times are one update.
"""

import dataclasses

import jax
import jax.numpy as jnp
import optax

from gr_jax.diffusion.diffusion_nft import (
  nft_losses,
  optimality,
  velocity_divergence,
)
from gr_jax.diffusion.rectified_flow import interpolate
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.pictures.advantages import prompt_advantages
from gr_jax.rl.pictures.context import Velocity
from gr_jax.rl.pictures.figures import picture_figures
from gr_jax.rl.pictures.samples import PictureSamples, repeat_prompts
from gr_jax.rl.update import (
  AlignmentState,
  Update,
  next_state,
  summed_gradients,
)

_SLOW = OldPolicy(1, 0.9)


@dataclasses.dataclass(frozen=True)
class NftConfig:
  """The objective; the defaults are Sol-RL's.

  Attributes:
    times: the number of times of the grid, `S`.
    share: the share of them that a picture is learned at, `timestep_fraction`.
    beta: `β` of `nft_losses`, `beta` of their configs.
    kl_coef: the weight of the divergence, `train.beta` of theirs.
    largest: `A_max`.
    old_policy: how the old policy follows.
    seed: the seed of times and noise.
  """

  times: int = 10
  share: float = 0.6
  beta: float = 1.0
  kl_coef: float = 1e-4
  largest: float = 5.0
  old_policy: OldPolicy = _SLOW
  seed: int = 0

  def __post_init__(self):
    if not 0 < self.share <= 1 or self.times < 1:
      raise ValueError(
        f"share ({self.share}) must be above 0 and at most 1, times "
        f"({self.times}) at least 1."
      )
    if self.beta <= 0 or self.largest <= 0:
      raise ValueError(
        f"beta ({self.beta}) and largest ({self.largest}) must be positive."
      )

  @property
  def learned(self) -> int:
    """The number of times that a picture is learned at."""
    return max(1, round(self.share * self.times))


def make_nft_update(
  velocity: Velocity,
  optimizer: optax.GradientTransformation,
  grid: jax.Array,
  *,
  config: NftConfig,
) -> Update:
  """`(state, context, samples, rewards) -> (state, metrics)`, jitted.

  `context` is a `FlowContext`. Draws depend on the seed and the number of the
  step alone.

  Args:
    velocity: the network, of trained and fixed variables.
    optimizer: makes updates of gradients.
    grid: `[S + 1]` times of the sampler, falling to 0, which is left out.
    config: the objective.

  Raises:
    ValueError: the grid has another number of times.
  """
  if len(grid) != config.times + 1:
    raise ValueError(
      f"the grid has {len(grid)} times, {config.times + 1} are wanted."
    )

  def loss(params, old_params, context, at, key):
    x0, prompts, optimal, t = at
    x = interpolate(x0, jax.random.normal(key, x0.shape), t)
    v, old, ref = (
      velocity(context.variables(each), x, t, prompts)
      for each in (params, old_params, context.reference)
    )
    losses = nft_losses(
      v, old, x, x0, t, optimal, beta=config.beta, largest=config.largest
    )
    kl = jnp.mean(velocity_divergence(v, ref))
    policy = jnp.mean(losses)
    terms = {"align/policy_loss": policy, "align/kl": kl}
    return policy + config.kl_coef * kl, terms

  def update(state: AlignmentState, context, samples: PictureSamples, rewards):
    size, each = rewards.shape
    optimal = optimality(prompt_advantages(rewards), largest=config.largest)
    x0 = samples.pictures.reshape(size * each, *samples.pictures.shape[2:])
    prompts = repeat_prompts(samples.prompts, each)
    key = jax.random.fold_in(jax.random.key(config.seed), state.step)
    times_key, noise_key = jax.random.split(key)
    times = _times(times_key, grid, len(x0), config.learned)

    def piece_loss(params, piece):
      number, t = piece
      at = x0, prompts, optimal.ravel(), t
      key = jax.random.fold_in(noise_key, number)
      return loss(params, state.old_params, context, at, key)

    total, terms = summed_gradients(
      piece_loss, state.params, (jnp.arange(config.learned), times)
    )
    grads = jax.tree.map(lambda x: x / config.learned, total)
    metrics = jax.tree.map(jnp.mean, terms)
    metrics |= picture_figures(samples.pictures, rewards)
    for name, value in samples.figures.items():
      metrics[f"align/{name}"] = jnp.mean(value)
    return next_state(
      state, grads, metrics, optimizer=optimizer, old_policy=config.old_policy
    )

  return jax.jit(update, donate_argnums=0)


def _times(
  key: jax.Array, grid: jax.Array, rows: int, learned: int
) -> jax.Array:
  """`[learned, rows]` times of the grid, none twice for a row."""
  keys = jax.random.split(key, rows)
  order = jax.vmap(lambda key: jax.random.permutation(key, len(grid) - 1))(keys)
  return grid[order[:, :learned]].T
