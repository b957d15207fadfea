"""One update of a flow model by DiffusionNFT, for the alignment loop.

Of each picture some times of the sampler's grid are drawn without repeats; at
each the picture gets fresh noise, and the velocities of the trained, the old
and the reference parameters there give its loss (`diffusion.diffusion_nft`).
Gradients of all times are one update.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from gr_jax.diffusion.diffusion_nft import (
  nft_losses,
  optimality,
  velocity_divergence,
)
from gr_jax.diffusion.rectified_flow import interpolate
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.pictures.advantages import prompt_advantages
from gr_jax.rl.pictures.samples import PictureSamples, repeat_prompts
from gr_jax.rl.update import AlignmentState, Update
from gr_jax.training import finite

Velocity = Callable[[Any, jax.Array, jax.Array, Any], jax.Array]
"""`(params, x [N, ...], t [N], prompts) -> v [N, ...]`, without guidance."""


@struct.dataclass
class NftContext:
  """Arrays that every step reads and none changes.

  Attributes:
    reference: the parameters that the divergence compares with.
    fixed: collections of variables that the network reads beside those that are
      trained. With LoRA `{"frozen": base}`, and the parameters everywhere are
      `{"params": adapter}` (`nn.lora.in_one` makes one of both).
  """

  reference: Any
  fixed: Any = struct.field(default_factory=dict)


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

  `context` is an `NftContext`. Draws depend on the seed and the number of the
  step alone. The metrics hold `finite.FIRST_BAD`.

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
      velocity({**context.fixed, **each}, x, t, prompts)
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

    def add(total, now):
      number, t = now
      grads, terms = jax.grad(loss, has_aux=True)(
        state.params,
        state.old_params,
        context,
        (x0, prompts, optimal.ravel(), t),
        jax.random.fold_in(noise_key, number),
      )
      return jax.tree.map(jnp.add, total, grads), terms

    nothing = jax.tree.map(jnp.zeros_like, state.params)
    total, terms = jax.lax.scan(
      add, nothing, (jnp.arange(config.learned), times)
    )
    grads = jax.tree.map(lambda x: x / config.learned, total)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = jax.tree.map(jnp.mean, terms) | _figures(samples, rewards)
    metrics["align/grad_norm"] = optax.tree.norm(grads)
    parts = finite.step_parts(metrics, finite.leaf_norms(grads), params)
    metrics[finite.FIRST_BAD] = finite.first_bad(parts)
    step = state.step + 1
    old = config.old_policy(step, state.old_params, params)
    return AlignmentState(step, params, opt_state, old), metrics

  return jax.jit(update, donate_argnums=0)


def _times(
  key: jax.Array, grid: jax.Array, rows: int, learned: int
) -> jax.Array:
  """`[learned, rows]` times of the grid, none twice for a row."""
  keys = jax.random.split(key, rows)
  order = jax.vmap(lambda key: jax.random.permutation(key, len(grid) - 1))(keys)
  return grid[order[:, :learned]].T


def _figures(samples: PictureSamples, rewards: jax.Array) -> dict[str, Any]:
  """Means that show early whether pictures degrade.

  reward        mean
  reward_spread mean standard deviation of a prompt's rewards
  brightness    mean |x0|: pictures that drift to it are hacking
  saturation    the share of numbers beyond what a picture can show
  diversity     mean standard deviation of a number over a prompt's pictures
  """
  x = samples.pictures
  found = {
    "reward": jnp.mean(rewards),
    "reward_spread": jnp.mean(jnp.std(rewards, axis=1)),
    "brightness": jnp.mean(jnp.abs(x)),
    "saturation": jnp.mean(jnp.abs(x) > 1),
    "diversity": jnp.mean(jnp.std(x, axis=1)),
  } | {name: jnp.mean(value) for name, value in samples.figures.items()}
  return {f"align/{name}": value for name, value in found.items()}
