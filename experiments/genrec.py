"""GenRec (JD, arXiv 2604.14878): whole pages, merged prompts, GRPO-SR."""

import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments import rq_kmeans
from experiments.pipeline import preference
from experiments.pipeline import run as retrieval
from experiments.pipeline.align import align, objective
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.stages import Stages
from experiments.pipeline.train import TrainedGenerator
from gr_jax.data.training_period import request_mask
from gr_jax.rl.rewards.hybrid import gated_reward, lifted_reward, positives_of
from gr_jax.rl.rewards.relevance_gate import GateConfig, RelevanceGate


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job: RQ-KMeans, a generator of pages, GRPO-SR, the report."""
  preference.settings(config.preference)
  objective(config.align)
  return retrieval.run(
    config, workdir, fit_tokenizer=rq_kmeans.fit, align=aligned
  )


def gate_of(config: ConfigDict, data: Data, vectors: Vectors) -> RelevanceGate:
  """The relevance gate, its threshold drawn from the training period."""
  rows = np.flatnonzero(request_mask(data.requests))
  return RelevanceGate(
    data.requests, vectors.items, rows=rows, config=GateConfig(**config)
  )


def aligned(config: ConfigDict, stages: Stages) -> TrainedGenerator:
  """The generator after GRPO-SR with the hybrid reward.

  By default the unconstrained policy is aligned: codes that name nothing earn
  nothing, and the policy has to say them to unlearn them.
  """
  data, vectors = stages.data, stages.vectors
  judge = preference.fit_preference_model(
    config.preference, stages.workdir, data, vectors
  )
  quality = ", ".join(f"{k} {v:.4g}" for k, v in judge.quality.items())
  print(f"preference model on the validation period: {quality}", flush=True)
  ids = stages.tokenized.semantic_ids
  gate = gate_of(config.align.gate, data, vectors)
  reward = lifted_reward(
    gated_reward(judge.model, gate, ids), positives_of(data.requests, ids)
  )
  return align(
    config.align,
    stages,
    reward=reward,
    inputs=[judge.artefact.fingerprint, vectors.artefact.fingerprint],
  )
