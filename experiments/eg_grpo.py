"""EG-GRPO (Tmall, arXiv 2605.14434): experts of the page join the group.

CQ-SID's generator draws groups of IDs for training requests, is rewarded by
their place in the log, and finds the page's own clicks among its group.
"""

import pathlib

from ml_collections import ConfigDict

from experiments import cq_sid
from experiments.pipeline import run as retrieval
from experiments.pipeline.align import align, objective
from experiments.pipeline.prepare import Data
from experiments.pipeline.stages import Stages
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from gr_jax.rl.rewards.items import IdReward, best_of_items
from gr_jax.rl.rewards.page import PageReward, PageRewardConfig


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job: CQ-SID, a generator, EG-GRPO, the report."""
  objective(config.align)
  return retrieval.run(config, workdir, fit_tokenizer=cq_sid.fit, align=aligned)


def page_reward(
  config: ConfigDict, data: Data, tokenized: Tokenized
) -> IdReward:
  """EG-GRPO's reward of IDs, with the values of section align.reward."""
  reward = PageReward(data.requests, PageRewardConfig(**config.reward))
  return best_of_items(reward, tokenized.semantic_ids)


def aligned(config: ConfigDict, stages: Stages) -> TrainedGenerator:
  """The generator after EG-GRPO."""
  reward = page_reward(config.align, stages.data, stages.tokenized)
  return align(config.align, stages, reward=reward)
