"""Exploring cheaply, training on the most contrastive (Sol-RL's two stages).

Many candidates are drawn from a cheap copy of the old policy, say one whose
weights are in NVFP4; of them the most contrastive are kept, and the policy
itself scores and learns them. Numbers of the cheap copy never reach the loss:
of a candidate only its codes are kept, which are what Sol-RL's seed is for a
picture, and both log-probabilities are computed anew. The reward of an ID is
the same however it was drawn.

The cheap copy draws from another distribution than the old policy. By how much
is watched, because it is what breaks long trainings: `align/explorer_gap` is
the median, and `align/explorer_gap_p95` the 95th percentile, over the codes of
the group of

  |log pi_old(code) - log pi_explorer(code)|

Codes that are forced, as the only ones the catalogue has there, are left out;
a log-probability that is NaN counts as infinitely far. A median says nothing of
the few codes that a coarse product draws as another policy; the percentile
does. A run stops where either is infinite, as at every metric that is.

Source: Sol-RL (arXiv 2604.06916); for IDs `[OURS]`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.rl.contrast import contrast, members_at, most_contrastive
from gr_jax.rl.scored_group import ScoredGroup

# From the parameters of the old policy to those that explore.
ExplorerParams = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Exploration:
  """How many candidates are drawn, and how many of them are learned.

  Attributes:
    candidates: the number that is drawn for a prompt, `N`.
    size: the number that is learned, `2 K`.
  """

  candidates: int
  size: int

  def __post_init__(self):
    if not 1 <= self.size <= self.candidates:
      raise ValueError(
        f"align.explore.candidates ({self.candidates}) must be at least "
        f"align.group_size ({self.size})."
      )

  def choose(self, samples: Any, rewards: jax.Array) -> tuple[Any, jax.Array]:
    """Samples and rewards `[B, 2 K + E]` of `[B, N + E]`, `E` experts."""
    group = samples.group
    places = self.size + group.ids.shape[1] - self.candidates
    chosen = most_contrastive(
      rewards,
      size=self.size,
      where=group.present,
      always=group.present & ~group.sampled,
      places=places,
    )
    group, drawn, rewards = members_at(
      (group, samples.drawn_log_probs, rewards), chosen
    )
    return samples.replace(group=group, drawn_log_probs=drawn), rewards

  def metrics(self, samples: Any, rewards: jax.Array) -> dict[str, jax.Array]:
    """Of all candidates: mean reward and `contrast`."""
    group = samples.group
    drawn = group.present & group.sampled
    spread = contrast(rewards, size=self.size, where=drawn)
    total = jnp.sum(jnp.where(drawn, rewards, 0))
    return {
      "align/explored_reward": total / jnp.maximum(jnp.sum(drawn), 1),
      "align/contrast": jnp.mean(spread),
    }


def explorer_gap(scored: ScoredGroup, drawn: jax.Array) -> dict[str, jax.Array]:
  """`align/explorer_gap` and `align/explorer_gap_p95` over the free codes.

  The percentile is the gap of a code, the larger one where it falls between
  two: infinite gaps have no mean. Both are 0 without a free code.

  Args:
    scored: `[B, G, L]`.
    drawn: `[B, G, L]`, log-probabilities of the policy that drew them.
  """
  old = scored.old_log_probs
  forced = old == 0
  codes = scored.where & scored.sampled[..., None] & ~forced
  gap = jnp.abs(old - drawn)
  gap = jnp.where(jnp.isnan(gap), jnp.inf, gap)
  gap = jnp.where(codes, gap, jnp.nan)
  found = {
    "align/explorer_gap": jnp.nanmedian(gap),
    "align/explorer_gap_p95": jnp.nanquantile(gap, 0.95, method="higher"),
  }
  return {k: jnp.where(jnp.any(codes), x, 0) for k, x in found.items()}
