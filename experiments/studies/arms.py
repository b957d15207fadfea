"""The tokenizers of the CQ-SID study: two switches, four arms.

                 | no queries (gamma = 0)    | queries (InfoNCE)
  ---------------+---------------------------+------------------------
  no categories  | RQ-VAE                    | CQ-SID without category
  categories     | CQ-SID without InfoNCE    | CQ-SID

All four have the same encoder, steps, batch, commitment weight, codebook rule
(running means with restart) and number of codes per level, so that an arm
differs from its neighbour in the table by one thing. `rq_vae_gradient` is the
RQ-VAE of `configs/rq_vae.py`, for who asks whether the rule handicaps it.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from experiments import cq_sid, rq_vae
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import FitTokenizer
from gr_jax.tokenizers.cq_sid import CqSid
from gr_jax.tokenizers.tokenizer import FitResult


def fit_rq_vae(
  config: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """RQ-VAE with the codebook rule of CQ-SID."""
  del data
  return rq_vae.fit_items(
    CqSid.settings(config).vae, vectors, seed=config.seed, progress=progress
  )


@dataclasses.dataclass(frozen=True)
class Arm:
  """One tokenizer.

  Attributes:
    label: for people.
    fit: makes the codes.
    changes: values of the tokenizer section that this arm has otherwise.
  """

  label: str
  fit: FitTokenizer
  changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


ARMS = {
  "rq_vae": Arm("RQ-VAE", fit_rq_vae, {"name": "rq_vae"}),
  "without_category": Arm(
    "CQ-SID without category", cq_sid.fit, {"category_depth": 0}
  ),
  "without_infonce": Arm(
    "CQ-SID without InfoNCE", cq_sid.fit, {"contrast.gamma": 0.0}
  ),
  "cq_sid": Arm("CQ-SID", cq_sid.fit),
  "rq_vae_gradient": Arm(
    "RQ-VAE, codebooks by gradient",
    rq_vae.fit,
    {"name": "rq_vae", "vae.beta": 0.25},
  ),
}


def check_arms(names: tuple[str, ...]) -> None:
  """Raises ValueError unless the arms exist and there are two or more."""
  unknown = [name for name in names if name not in ARMS]
  if unknown:
    raise ValueError(f"arms has {unknown[0]!r}; there are: {', '.join(ARMS)}.")
  if len(names) < 2 or len(set(names)) < len(names):
    raise ValueError(
      f"arms is {tuple(names)}; give the baseline and then at least one other."
    )


def tokenizer_section(
  shared: ConfigDict, world: ConfigDict, arm: Arm, data: Data, *, seed: int
) -> ConfigDict:
  """The tokenizer section of an arm and seed in a world.

  In every arm the first level has as many codes as there are categories: more
  would be a larger vocabulary, not a better tokenizer.

  Args:
    shared: what all worlds have.
    world: `category_depth`, and `levels`, the codes of the levels below.
    arm: one of `ARMS`.
    data: of the world.
    seed: of the tokenizer.

  Raises:
    ValueError: a catalogue without categories.
  """
  _, count = cq_sid.categories_at(data, world.category_depth)
  if not count:
    raise ValueError(
      "the catalogue has no categories; the study needs some, at a depth from "
      f"1 on (category_depth is {world.category_depth})."
    )
  section = ConfigDict(shared.to_dict())
  section.seed = seed
  section.category_depth = world.category_depth
  section.vae.levels = (count, *world.levels)
  section.update_from_flattened_dict(dict(arm.changes))
  return section
