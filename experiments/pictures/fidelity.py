"""How well the explorer ranks candidates, before anything is aligned."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.align import explorer, reward_of
from experiments.pictures.flow import TrainedFlow
from gr_jax.artefacts import Artefact, build
from gr_jax.data.requests import VALID
from gr_jax.diffusion.generation import GenerationConfig, make_generate
from gr_jax.rl.pictures.rollouts import pictures_of, rewards_of
from gr_jax.rl.pictures.samples import Generate, PictureBatch
from gr_jax.rl.rank_fidelity import RankFidelity, rank_fidelity

Rewards = Callable[[Any, Generate], np.ndarray]
"""`(params, sampler) -> rewards [P, N]` of the same prompts and seeds."""


def candidate_rewards(
  config: ConfigDict, flow: TrainedFlow, *, candidates: int
) -> Rewards:
  """Rewards of validation prompts.

  Args:
    config: the whole one; sections `fidelity` and `align`.
    flow: the model.
    candidates: `N`.
  """
  section = config.fidelity
  prompts = flow.world.prompts(section.prompts, split=VALID, batch=1)
  batch = PictureBatch(flow.world.caption_tokens(prompts), prompts)
  reward = reward_of(flow.world)
  rng = np.random.default_rng(section.seed)
  seeds = rng.integers(0, 2**31 - 1, (section.prompts, candidates), np.int32)

  def rewards(params: Any, generate: Generate) -> np.ndarray:
    pictures = pictures_of(
      generate, params, batch.prompts, seeds, rows=config.align.rows
    )
    return rewards_of(reward, batch, pictures)

  return rewards


def fidelity_of(
  config: ConfigDict, flow: TrainedFlow
) -> tuple[RankFidelity, np.ndarray, np.ndarray]:
  """Of section align.explore: the fidelity, and both rewards `[P, N]`."""
  section = config.align
  k = section.group_size // 2
  rewards = candidate_rewards(
    config, flow, candidates=max(section.explore.candidates, 2 * k)
  )
  quantize, explore = explorer(section, flow)
  params = quantize(flow.params) if quantize else flow.params
  cheap = rewards(params, explore)
  generate = make_generate(flow.model, GenerationConfig(steps=section.steps))
  dear = rewards(flow.params, generate)
  return rank_fidelity(cheap, dear, k=k), cheap, dear


def explorer_fidelity(
  config: ConfigDict, workdir: pathlib.Path, flow: TrainedFlow
) -> tuple[dict[str, float], Artefact]:
  """Means over prompts of `RankFidelity`; {} where nothing explores."""

  def make(directory: pathlib.Path) -> None:
    found = {}
    if config.align.explore.candidates:
      measures, _, _ = fidelity_of(config, flow)
      for name, values in measures._asdict().items():
        if np.isfinite(values).any():
          found[name] = float(np.nanmean(values))
    (directory / "fidelity.json").write_text(json.dumps(found))

  section = config.fidelity.to_dict() | {
    "explore": config.align.explore.to_dict(),
    "steps": config.align.steps,
    "group_size": config.align.group_size,
  }
  artefact = build(
    workdir, "fidelity", section, [flow.artefact.fingerprint], make
  )
  text = (artefact.directory / "fidelity.json").read_text()
  return json.loads(text), artefact
