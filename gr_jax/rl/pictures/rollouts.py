"""Rollouts of flow models: a group at once, or in Sol-RL's two stages.

The two stages of Sol-RL (arXiv 2604.06916):

  1. `N` pictures of a prompt are drawn by a cheap copy of the old policy, in
     few steps and few bits, and rewarded; the seeds of the most contrastive
     `2 K` are kept, and nothing else of them.
  2. The old policy itself draws these seeds again, in more steps. Those are the
     pictures that are rewarded and learned.

So no number of the cheap copy reaches the loss but through the choice. Rewards
are functions on the host, and one host draws all pictures of a batch: several
hosts are refused.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.data.batches import padded_batches
from gr_jax.rl.contrast import contrast, members_at, most_contrastive
from gr_jax.rl.explore import Exploration, ExplorerParams
from gr_jax.rl.pictures.samples import (
  Generate,
  PictureBatch,
  PictureReward,
  PictureSamples,
  draw_seeds,
  repeat_prompts,
)
from gr_jax.rl.rewards.checked import checked_group

# From old parameters, context, prompts and a key; on the host.
PictureRollout = Callable[[Any, Any, PictureBatch, jax.Array], PictureSamples]


def pictures_of(
  generate: Generate, params: Any, prompts: Any, seeds: Any, *, rows: int
) -> np.ndarray:
  """Pictures `[B, G, ...]` of seeds `[B, G]`, `rows` at a time.

  All batches have one size: a picture that is drawn again is the same.
  """
  each = seeds.shape[1]
  flat = repeat_prompts(prompts, each), jnp.ravel(seeds)
  flat = jax.tree.map(np.asarray, flat)
  found = [
    np.asarray(generate(params, *batch)) for batch in padded_batches(flat, rows)
  ]
  pictures = np.concatenate(found)[: seeds.size]
  return pictures.reshape(*seeds.shape, *pictures.shape[1:])


def rewards_of(
  reward: PictureReward, batch: PictureBatch, pictures: np.ndarray
) -> np.ndarray:
  """Rewards `[B, G]` of pictures `[B, G, ...]`, each a finite number.

  Raises:
    BadReward, ValueError: as `rewards.checked.checked_group`.
  """
  size, each = pictures.shape[:2]
  prompts = jax.tree.map(
    lambda x: np.repeat(np.asarray(x), each, axis=0),
    (batch.prompts, batch.facts),
  )
  flat = pictures.reshape(-1, *pictures.shape[2:])
  values = np.asarray(reward(prompts, flat))
  return checked_group(values.reshape(size, -1), (size, each))


def _check_hosts() -> None:
  if jax.process_count() > 1:
    raise ValueError(
      f"pictures are drawn on one host; there are {jax.process_count()}: start "
      "one process."
    )


def reward_samples(
  reward: PictureReward,
) -> Callable[[PictureBatch, PictureSamples], np.ndarray]:
  """The reward of the loop, from one of prompts and pictures."""

  def rewards(batch: PictureBatch, samples: PictureSamples) -> np.ndarray:
    return rewards_of(reward, batch, np.asarray(samples.pictures))

  return rewards


def make_rollout(
  generate: Generate,
  *,
  group_size: int,
  whole: ExplorerParams | None = None,
  rows: int = 64,
) -> PictureRollout:
  """Draws `group_size` pictures of each prompt, and all are learned.

  Args:
    generate: the sampler that is learned from.
    group_size: `G`.
    whole: from the trained parameters, such as an adapter, to those that the
      sampler reads; None = they are the same.
    rows: the pictures that are drawn at a time.
  """

  _check_hosts()

  def rollout(params, context, batch, key):
    del context
    size = len(jax.tree.leaves(batch.prompts)[0])
    seeds = draw_seeds(key, size, group_size)
    params = params if whole is None else whole(params)
    pictures = pictures_of(generate, params, batch.prompts, seeds, rows=rows)
    return PictureSamples(batch.prompts, seeds, jnp.asarray(pictures), {})

  return rollout


def make_two_stage_rollout(
  explore: Generate,
  generate: Generate | None,
  reward: PictureReward,
  *,
  exploration: Exploration,
  explorer: ExplorerParams | None = None,
  whole: ExplorerParams | None = None,
  rows: int = 64,
) -> PictureRollout:
  """Sol-RL's rollout; of the first stage only seeds are kept.

  Args:
    explore: the cheap sampler.
    generate: the sampler that is learned from; None learns the first stage's
      own pictures, which with a cheap sampler is what Sol-RL warns of
      ("naive_quant" of its code) and with the dear one is "naive_scaling".
    reward: of the first stage's pictures.
    exploration: `N` and `2 K`.
    explorer: from all parameters to those that explore; None = they are the
      same.
    whole: as in `make_rollout`. Both are called once a rollout.
    rows: the pictures that are drawn at a time.
  """
  _check_hosts()
  choose = jax.jit(
    lambda rewards: most_contrastive(rewards, size=exploration.size)
  )
  spread = jax.jit(lambda rewards: contrast(rewards, size=exploration.size))

  def rollout(params, context, batch, key):
    del context
    size = len(jax.tree.leaves(batch.prompts)[0])
    seeds = draw_seeds(key, size, exploration.candidates)
    params = params if whole is None else whole(params)
    cheap = params if explorer is None else explorer(params)
    previews = pictures_of(explore, cheap, batch.prompts, seeds, rows=rows)
    rewards = jnp.asarray(rewards_of(reward, batch, previews))
    chosen = choose(rewards)
    kept, seen = members_at((seeds, rewards), chosen)
    if generate is None:
      pictures = members_at(jnp.asarray(previews), chosen)
    else:
      pictures = pictures_of(generate, params, batch.prompts, kept, rows=rows)
    figures = {
      "explored_reward": jnp.mean(rewards, axis=1),
      "contrast": spread(rewards),
      "preview_reward": jnp.mean(seen, axis=1),
    }
    return PictureSamples(batch.prompts, kept, jnp.asarray(pictures), figures)

  return rollout
