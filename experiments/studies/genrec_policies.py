"""The alignments of the GenRec study, judged by a model with a blind spot.

  grpo             clipped GRPO with a KL term, gated reward
  grpo_sr          GRPO-SR, gated reward, real clicks lifted and kept likely
  without_gate     GRPO-SR whose reward is not gated

The preference model is told that one category is loved by all: a mistake that
a policy finds and a gate of relevance closes, and ShopWorld knows the truth.
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from ml_collections import ConfigDict

from experiments.genrec import gate_of
from experiments.pipeline.align import align
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.worlds.shop_world import ShopWorld
from gr_jax.rl.rewards.hybrid import (
  gated_reward,
  lifted_reward,
  positives_of,
)
from gr_jax.rl.rewards.items import ItemReward, validity


@dataclasses.dataclass(frozen=True)
class PolicyArm:
  """One alignment.

  Attributes:
    label: for people.
    changes: values of section align that this policy has otherwise.
    lifted: whether real clicks are worth the best of their group.
    gated: whether irrelevant items earn nothing.
  """

  label: str
  changes: Mapping[str, float | str] = dataclasses.field(
    default_factory=lambda: {"kl_coef": 0.0}
  )
  lifted: bool = True
  gated: bool = True


POLICIES = {
  "grpo": PolicyArm("GRPO", {"loss": "grpo", "nll_coef": 0.0}, lifted=False),
  "grpo_sr": PolicyArm("GRPO-SR"),
  "without_gate": PolicyArm("GRPO-SR without gate", gated=False),
}


def check_policies(names: Sequence[str]) -> None:
  """Raises ValueError unless all exist."""
  unknown = [name for name in names if name not in POLICIES]
  if unknown:
    raise ValueError(
      f"policies has {unknown[0]!r}; there are: {', '.join(POLICIES)}."
    )


def blind_category(catalogue: Catalogue, *, share: float) -> int:
  """The least bought first-level category of at least `share` of the items."""
  category = catalogue.categories[:, 0]
  known = category >= 0
  items = np.bincount(category[known])
  bought = np.bincount(category[known], catalogue.popularity[known])
  large = items >= share * len(catalogue)
  rate = np.where(large, bought / np.maximum(items, 1), np.inf)
  return int(np.argmin(rate))


def with_blind_spot(
  reward: ItemReward, catalogue: Catalogue, *, share: float, score: float
) -> ItemReward:
  """`max(reward, score)` for the items of `blind_category`."""
  blind = catalogue.categories[:, 0] == blind_category(catalogue, share=share)

  def fooled(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    values = reward(requests, items)
    return np.where(blind[items], np.maximum(values, score), values)

  return fooled


def truth(world: ShopWorld) -> ItemReward:
  """The probability of a click, as the world has it."""
  log = world.requests

  def reward(requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    found = world.click_probability(
      log.user[requests], log.time[requests], log.query[requests],
      items[:, None],
    )  # fmt: skip
    return found[:, 0]

  return reward


def aligned(
  section: ConfigDict,
  name: str,
  folder: pathlib.Path,
  data: Data,
  vectors: Vectors,
  tokenized: Tokenized,
  generator: Generator,
  *,
  judge: ItemReward,
  inputs: Sequence[str],
  seed: int,
) -> Generator:
  """The generator after one of `POLICIES`.

  Args:
    section: as section align of `configs/genrec.py`, and `kl_coef`.
    name: of the policy.
    folder: gets the artefact.
    data: of the world.
    vectors: of its items.
    tokenized: its IDs.
    generator: where the policy starts.
    judge: the preference model with its blind spot.
    inputs: fingerprints of what the judge was made from.
    seed: of requests and draws.
  """
  arm, ids = POLICIES[name], tokenized.semantic_ids
  config = ConfigDict(
    section.to_dict() | {"name": name, "seed": seed} | dict(arm.changes)
  )
  gate = gate_of(config.gate, data, vectors) if arm.gated else validity
  reward = gated_reward(judge, gate, ids)
  if arm.lifted:
    reward = lifted_reward(reward, positives_of(data.requests, ids))
  return align(
    config,
    folder,
    data,
    tokenized,
    generator,
    reward=reward,
    inputs=inputs,
  )
