"""GR4AD (Kuaishou, arXiv 2602.22732): UA-SID, LazyAR, VSL, RSPO.

Impressions with values go in. Ads have IDs of content and fields, a generator
whose early layers wait for no code learns clicks and what they are worth, and
lists that it would show are ordered by value.
"""

import pathlib

from ml_collections import ConfigDict

from experiments import ua_sid
from experiments.pipeline import preference
from experiments.pipeline import run as retrieval
from experiments.pipeline.align import align, objective
from experiments.pipeline.prepare import Data
from experiments.pipeline.stages import Stages
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from gr_jax.rl.rewards.items import IdReward, ItemReward, mean_of_items
from gr_jax.rl.rewards.value import value_reward


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job: UA-SID, LazyAR by VSL, RSPO, the report."""
  preference.settings(config.preference)
  objective(config.align)
  return retrieval.run(config, workdir, fit_tokenizer=ua_sid.fit, align=aligned)


def reward_of(clicks: ItemReward, data: Data, tokenized: Tokenized) -> IdReward:
  """The value of an ID: the mean of its items'."""
  value = value_reward(clicks, data.catalogue)
  return mean_of_items(value, tokenized.semantic_ids)


def aligned(config: ConfigDict, stages: Stages) -> TrainedGenerator:
  """The generator after RSPO, whose values a model of clicks gives."""
  data, vectors = stages.data, stages.vectors
  judge = preference.fit_preference_model(
    config.preference, stages.workdir, data, vectors
  )
  quality = ", ".join(f"{k} {v:.4g}" for k, v in judge.quality.items())
  print(f"model of clicks on the validation period: {quality}", flush=True)
  return align(
    config.align,
    stages,
    reward=reward_of(judge.model, data, stages.tokenized),
    inputs=[judge.artefact.fingerprint, vectors.artefact.fingerprint],
  )
