"""How well the explorer ranks candidates, before anything is aligned."""

import json
import pathlib
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.align import explorer
from experiments.pictures.flow import TrainedFlow
from experiments.pictures.measure import fixed_seeds
from experiments.pictures.rewards import ChosenReward
from gr_jax.artefacts import Artefact, build
from gr_jax.data.requests import VALID
from gr_jax.diffusion.generation import GenerationConfig
from gr_jax.rl.pictures.rollouts import pictures_of, rewards_of
from gr_jax.rl.pictures.samples import Generate, PictureBatch
from gr_jax.rl.rank_fidelity import RankFidelity, rank_fidelity


def fidelity_of(
  config: ConfigDict, flow: TrainedFlow, chosen: ChosenReward
) -> RankFidelity:
  """Section align.explore against the sampler that is learned from.

  On the same candidates of validation prompts, `[P]`.

  Args:
    config: the whole one; sections `fidelity` and `align`.
    flow: the model.
    chosen: the reward that alignment raises.
  """
  section = config.align
  k = section.group_size // 2
  prompts = flow.world.prompts(config.fidelity.prompts, split=VALID, batch=1)
  batch = PictureBatch(flow.world.caption_tokens(prompts), prompts)
  seeds = fixed_seeds(
    config.fidelity.seed,
    config.fidelity.prompts,
    max(section.explore.candidates, 2 * k),
  )

  def rewards(params: Any, generate: Generate) -> np.ndarray:
    pictures = pictures_of(
      generate, params, batch.prompts, seeds, rows=section.rows
    )
    return rewards_of(chosen.reward, batch, pictures)

  quantize, explore = explorer(section, flow)
  cheap = rewards(quantize(flow.params) if quantize else flow.params, explore)
  generate = flow.generate(GenerationConfig(steps=section.steps))
  return rank_fidelity(cheap, rewards(flow.params, generate), k=k)


def explorer_fidelity(
  config: ConfigDict,
  workdir: pathlib.Path,
  flow: TrainedFlow,
  chosen: ChosenReward,
) -> tuple[dict[str, float], Artefact]:
  """Means over prompts of `RankFidelity`; {} where nothing explores."""

  def make(directory: pathlib.Path) -> None:
    found = {}
    if config.align.explore.candidates:
      for name, values in fidelity_of(config, flow, chosen)._asdict().items():
        if np.isfinite(values).any():
          found[name] = float(np.nanmean(values))
    (directory / "fidelity.json").write_text(json.dumps(found))

  section = config.fidelity.to_dict() | {
    "explore": config.align.explore.to_dict(),
    "steps": config.align.steps,
    "group_size": config.align.group_size,
  }
  inputs = [flow.artefact.fingerprint, *chosen.inputs]
  artefact = build(workdir, "fidelity", section, inputs, make)
  text = (artefact.directory / "fidelity.json").read_text()
  return json.loads(text), artefact
