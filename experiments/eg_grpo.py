"""EG-GRPO (Tmall, arXiv 2605.14434): what a page shows teaches the policy.

CQ-SID's generator draws groups of IDs for training requests, is rewarded by
what the log says of them, and finds the page's own clicks among its group.
"""

import pathlib

from ml_collections import ConfigDict

from experiments import cq_sid
from experiments.cq_sid import settings
from experiments.pipeline import run as retrieval
from experiments.pipeline.align import align
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from gr_jax.rl.objective_config import AlignmentConfig
from gr_jax.rl.old_policy import periodic
from gr_jax.rl.rewards.page import (
  IdReward,
  PageReward,
  PageRewardConfig,
  best_of_items,
)


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job: CQ-SID, a generator, EG-GRPO, the report."""
  settings(config.tokenizer)
  objective(config.align)
  return retrieval.run(config, workdir, fit_tokenizer=cq_sid.fit, align=aligned)


def objective(config: ConfigDict) -> AlignmentConfig:
  """Section align as the objective.

  Raises:
    ValueError: more experts than places, or a batch that has no such parts.
  """
  experts = config.asked.clicked + config.asked.exposed
  if experts > config.group_size:
    raise ValueError(
      f"align.asked has {experts} experts (clicked + exposed) for a group of "
      f"{config.group_size}: lower them or raise align.group_size."
    )
  if config.asked.batch_size % config.parts:
    raise ValueError(
      f"align.asked.batch_size is {config.asked.batch_size}, no multiple of "
      f"align.parts ({config.parts})."
    )
  return AlignmentConfig(
    kl_coef=config.kl_coef,
    old_policy=periodic(config.old_every),
    parts=config.parts,
  )


def page_reward(
  config: ConfigDict, data: Data, tokenized: Tokenized
) -> IdReward:
  """EG-GRPO's reward of IDs, with the values of section align.reward."""
  reward = PageReward(data.requests, PageRewardConfig(**config.reward))
  return best_of_items(reward, tokenized.semantic_ids)


def aligned(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  vectors: Vectors,
  tokenized: Tokenized,
  generator: Generator,
) -> Generator:
  """The generator after EG-GRPO."""
  del vectors
  return align(
    config.align,
    workdir,
    data,
    tokenized,
    generator,
    reward=page_reward(config.align, data, tokenized),
    objective=objective(config.align),
  )
