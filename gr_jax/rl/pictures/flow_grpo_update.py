r"""One update of a flow model by Flow-GRPO, for the alignment loop.

Paths are drawn by the old policy with noise in their first steps
(`path_policy.make_path_rollout`). With the log-probability of a step, the mean
over the numbers of a picture, its ratio to the old policy's and the advantage
`A` of the picture that the path ends at, the loss of a step is

$$ -\min(ρ_t A, \mathrm{clip}(ρ_t, 1 - ε, 1 + ε) A) + β\,KL_t, \qquad
   KL_t = \frac{\mathrm{mean} (μ_t - μ_t^{ref})^2}{2 σ_t^2 (t - t')} $$

(Flow-GRPO, arXiv 2505.05470; its eq. 11 is the divergence, in closed form from
the velocities of both at one state.) The loss is the mean over learned steps
and pictures. The divergence is a mean over numbers as the log-probabilities
are, `[OURS]` with `t - t'`, which their code leaves out of it: its coefficient
.04 at ten even steps is .004 here.

DanceGRPO (arXiv 2505.07818) learns the best and the worst of a prompt's
pictures alone; their advantages are those that they have among all. Left out:
one first noise for all pictures of a prompt.

Gradients are taken one step at a time, so that memory does not grow with the
path.
"""

import dataclasses

import jax
import jax.numpy as jnp
import optax

from gr_jax.diffusion.sde import (
  flow_grpo_sigmas,
  kl_divergence,
  log_prob,
  transition,
)
from gr_jax.rl.contrast import members_at, most_contrastive
from gr_jax.rl.losses.grpo import clipped
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.pictures.advantages import prompt_advantages
from gr_jax.rl.pictures.context import FlowContext, Velocity
from gr_jax.rl.pictures.figures import picture_figures
from gr_jax.rl.pictures.path_policy import PathSamples
from gr_jax.rl.pictures.samples import repeat_prompts
from gr_jax.rl.update import (
  AlignmentState,
  Update,
  next_state,
  summed_gradients,
)

# Two updates a rollout, as theirs: ratios of the second are not 1.
_TWO_UPDATES = OldPolicy(every=2)


@dataclasses.dataclass(frozen=True)
class FlowGrpoConfig:
  """The objective; the defaults are those of Flow-GRPO's code.

  Attributes:
    steps: the number of steps of a path, `S`.
    learned: the steps from the first that have noise and are learned, those
      after them are steps of the ODE; 0 = all but the last, whose noise would
      stay in the picture.
    noise_level: `a` of `diffusion.sde`.
    clip_eps: `ε`; small, as ratios are of means over a picture.
    kl_coef: `β`.
    largest: the bound of an advantage.
    keep: the best and as many of the worst of a prompt's pictures that are
      learned; 0 = all.
    old_policy: how the old policy follows.
  """

  steps: int = 10
  learned: int = 0
  noise_level: float = 0.7
  clip_eps: float = 1e-4
  kl_coef: float = 4e-3
  largest: float = 5.0
  keep: int = 0
  old_policy: OldPolicy = _TWO_UPDATES

  def __post_init__(self):
    if self.steps < 2 or not 0 <= self.learned <= self.steps:
      raise ValueError(
        f"steps ({self.steps}) must be at least 2, learned ({self.learned}) 0 "
        "to steps."
      )
    if min(self.noise_level, self.clip_eps, self.largest) <= 0:
      raise ValueError(
        f"noise_level ({self.noise_level}), clip_eps ({self.clip_eps}) and "
        f"largest ({self.largest}) must be above 0."
      )
    if min(self.keep, self.kl_coef) < 0:
      raise ValueError(
        f"keep ({self.keep}) and kl_coef ({self.kl_coef}) must be at least 0."
      )

  @property
  def choices(self) -> int:
    """The number of steps that have noise and are learned."""
    return self.learned or self.steps - 1

  def kept(self, group_size: int) -> int:
    """The number of a prompt's pictures that are learned.

    Raises:
      ValueError: the best and the worst are more than the group.
    """
    if 2 * self.keep > group_size:
      raise ValueError(
        f"keep ({self.keep}) must be at most half of the group ({group_size})."
      )
    return 2 * self.keep or group_size

  def sigmas(self, grid: jax.Array) -> jax.Array:
    """`[S]` for the rollout, 0 from the first step on that is not learned.

    Raises:
      ValueError: the grid has another number of times.
    """
    if len(grid) != self.steps + 1:
      raise ValueError(
        f"the grid has {len(grid)} times, {self.steps + 1} are wanted."
      )
    noisy = jnp.arange(self.steps) < self.choices
    return jnp.where(noisy, flow_grpo_sigmas(grid, self.noise_level), 0)


def make_flow_grpo_update(
  velocity: Velocity,
  optimizer: optax.GradientTransformation,
  grid: jax.Array,
  *,
  config: FlowGrpoConfig,
) -> Update:
  """`(state, context, samples, rewards) -> (state, metrics)`, jitted.

  `context` is a `FlowContext`, `samples` are `PathSamples` of `config.sigmas`.
  Nothing is drawn.

  Args:
    velocity: the network, of trained and fixed variables.
    optimizer: makes updates of gradients.
    grid: `[S + 1]` times of the sampler, falling from 1 to 0.
    config: the objective.

  Raises:
    ValueError: the grid has another number of times.
  """
  # Of the steps that are learned: the time before and after, and sigma.
  walk = (grid[:-1], grid[1:], config.sigmas(grid))
  walk = tuple(x[: config.choices] for x in walk)

  def loss(params, context: FlowContext, rows, step):
    prompts, advantages = rows
    x, reached, old_log_probs, *now = step
    now = [jnp.broadcast_to(value, x.shape[:1]) for value in now]

    def there(params):
      variables = context.variables(params)
      return transition(
        lambda x, t: velocity(variables, x, t, prompts), x, *now
      )

    policy, reference = there(params), there(context.reference)
    size = x[0].size
    apart = log_prob(reached, policy) / size - old_log_probs
    ratios = jnp.exp(apart)
    gains = clipped(
      ratios, advantages, low=config.clip_eps, high=config.clip_eps
    )
    terms = {
      "align/policy_loss": -jnp.mean(gains),
      "align/kl": jnp.mean(kl_divergence(policy, reference)) / size,
      "align/log_ratio": jnp.mean(jnp.abs(apart)),
      "align/clipped": jnp.mean(gains < ratios * advantages),
    }
    total = terms["align/policy_loss"] + config.kl_coef * terms["align/kl"]
    return total, terms

  def update(state: AlignmentState, context, samples: PathSamples, rewards):
    metrics = picture_figures(samples.pictures, rewards)
    each = config.kept(rewards.shape[1])
    advantages = jnp.clip(
      prompt_advantages(rewards), -config.largest, config.largest
    )
    chosen = most_contrastive(rewards, size=each)
    paths = samples.group.codes, samples.drawn_log_probs, advantages
    states, drawn, advantages = members_at(paths, chosen)
    states, drawn = (
      jnp.moveaxis(x.reshape(-1, *x.shape[2:]), 1, 0) for x in (states, drawn)
    )
    size = config.choices
    steps = states[:size], states[1 : size + 1], drawn[:size], *walk
    rows = repeat_prompts(samples.prompts, each), advantages.ravel()
    total, terms = summed_gradients(
      lambda params, step: loss(params, context, rows, step),
      state.params,
      steps,
    )
    grads = jax.tree.map(lambda x: x / size, total)
    metrics |= jax.tree.map(jnp.mean, terms)
    return next_state(
      state, grads, metrics, optimizer=optimizer, old_policy=config.old_policy
    )

  return jax.jit(update, donate_argnums=0)
