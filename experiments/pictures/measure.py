"""What the judge of a world says of a model's pictures."""

import pathlib
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.flow import TrainedFlow
from gr_jax.artefacts import Artefact, build
from gr_jax.data.worlds.scenes.picture_world import PictureWorld
from gr_jax.data.worlds.scenes.relations import NO_RELATION
from gr_jax.diffusion.generation import GenerationConfig
from gr_jax.rl.pictures.rollouts import pictures_of
from gr_jax.rl.pictures.samples import Generate, repeat_prompts

# Those that a world's judge has.
SCORES = (
  "reward", "exact", "count", "color", "shape", "object", "position",
  "fidelity",
)  # fmt: skip
_ROWS = 64


def judged(
  world: PictureWorld, pictures: np.ndarray, prompts: Any
) -> dict[str, np.ndarray]:
  """Scores `[P]` of pictures `[P, G, ...]`, means over a prompt's pictures.

  SCORES      of the world's judge; position is NaN where a caption has none
  diversity   mean standard deviation of a number over a prompt's pictures
  brightness  mean |x|
  """
  count, each = pictures.shape[:2]
  flat = pictures.reshape(-1, *pictures.shape[2:])
  scores: Any = world.judge(flat, repeat_prompts(prompts, each))
  found = {
    name: np.asarray(getattr(scores, name), float).reshape(count, -1).mean(1)
    for name in SCORES
    if hasattr(scores, name)
  }
  said = np.asarray(prompts.relation) != NO_RELATION
  found["position"] = np.where(said, found["position"], np.nan)
  axes = tuple(range(1, pictures.ndim))
  found["diversity"] = pictures.std(axis=1).mean(axis=axes[:-1])
  found["brightness"] = np.abs(pictures).mean(axis=axes)
  return found


def fixed_seeds(seed: int, prompts: int, each: int) -> np.ndarray:
  """Seeds `[P, each]` of pictures, the same for every model."""
  rng = np.random.default_rng(seed)
  return rng.integers(0, 2**31 - 1, (prompts, each), np.int32)


class Pictures:
  """Pictures of held-out prompts, the same seeds for every model.

  Args:
    flow: the model, whose parameters are given on a call, and its world.
    section: `prompts`, `each` (pictures a prompt), `seed` and the sampler's
      `steps` and `guidance`.
    split: whose prompts are drawn.
  """

  def __init__(self, flow: TrainedFlow, section: ConfigDict, *, split: int):
    self.prompts = flow.world.prompts(section.prompts, split=split)
    self.world = flow.world
    self.tokens = flow.world.caption_tokens(self.prompts)
    self.seeds = fixed_seeds(section.seed, len(self.prompts), section.each)
    self.generate: Generate = flow.generate(
      GenerationConfig(steps=section.steps, guidance=section.guidance)
    )

  def __call__(self, params: Any) -> np.ndarray:
    """Pictures `[P, each, ...]`."""
    return pictures_of(
      self.generate, params, self.tokens, self.seeds, rows=_ROWS
    )


def measured(
  flow: TrainedFlow,
  params: Any,
  artefact: Artefact,
  section: ConfigDict,
  workdir: pathlib.Path,
  *,
  split: int,
) -> tuple[dict[str, np.ndarray], Artefact]:
  """`judged` of parameters, and their pictures as `pictures`; kept on disk."""

  def make(directory: pathlib.Path) -> None:
    drawn = Pictures(flow, section, split=split)
    pictures = drawn(params)
    columns = judged(flow.world, pictures, drawn.prompts)
    np.savez_compressed(directory / "scores.npz", **columns)
    np.savez_compressed(directory / "pictures.npz", pictures=pictures[:, :4])

  name = f"judged_{artefact.directory.name}"
  made = build(
    workdir, name, section.to_dict() | {"split": split},
    [artefact.fingerprint], make,
  )  # fmt: skip
  found = {}
  for file in ("scores.npz", "pictures.npz"):
    with np.load(made.directory / file) as loaded:
      found |= dict(loaded)
  return found, made
