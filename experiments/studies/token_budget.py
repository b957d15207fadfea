"""An equal budget of tokens for generators that learn from other batches.

A token is a position of the transformer that is not padding: of a prompt
(merged, in all variants) or of what follows it.
"""

import itertools

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.tasks import task_of
from experiments.pipeline.untrained import build_untrained
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.training_examples.page_examples import PageExamples
from gr_jax.generators.training_examples.single import Examples
from gr_jax.tokenizers.semantic_ids import SemanticIds

_COUNTED = 30  # Batches whose tokens stand for all.


def tokens_per_step(section: ConfigDict, data: Data, ids: SemanticIds) -> float:
  """The mean of `batch_tokens` over the first batches."""
  task = task_of(section)(build_untrained(section, data, ids))
  batches = itertools.islice(iter(task.batches), _COUNTED)
  return float(np.mean([batch_tokens(batch) for batch in batches]))


def batch_tokens(batch: Examples | PageExamples) -> int:
  """The positions of a batch that are not padding."""
  levels = batch.codes.shape[-1]
  if isinstance(batch, Examples):
    return prompt_tokens(batch.prompt) + levels * int(batch.mask.sum())
  there = int((batch.page < batch.ends.shape[1]).sum())
  return prompt_tokens(batch.prompt) + levels * there + int(batch.ends.sum())


def prompt_tokens(prompt: Prompt) -> int:
  """The positions of merged prompts that are not padding."""
  return int(prompt.mask[:, 0].sum() + 2 * prompt.mask[:, 1:].sum())
