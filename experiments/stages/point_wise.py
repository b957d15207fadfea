"""Point-wise next-token prediction: every clicked item by itself."""

from ml_collections import ConfigDict

from experiments.stages.lesson import Lesson
from experiments.stages.prepare import Data
from gr_jax.data.requests import TRAIN
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.examples import (
  Examples,
  ExamplesConfig,
  group_targets,
  training_examples,
)
from gr_jax.generators.prompts import PromptWriter
from gr_jax.generators.vocabulary import Vocabulary
from gr_jax.objectives.next_token import code_losses
from gr_jax.tokenizers.semantic_ids import SemanticIds


def loss(model: DecoderOnly, params, batch: Examples, counts):
  """Sum over levels of the next-token loss, and its parts."""
  variables = params | counts
  logits = model.apply(variables, batch.prompt, batch.queries, batch.codes)
  losses = code_losses(logits, batch.codes, where=batch.mask)
  metrics = {"train/loss": losses.sum()}
  metrics |= {f"train/loss_{l + 1}": losses[l] for l in range(len(losses))}
  return losses.sum(), metrics


def lesson(
  config: ConfigDict,
  data: Data,
  semantic_ids: SemanticIds,
  writer: PromptWriter,
  vocabulary: Vocabulary,
) -> Lesson:
  """The clicked and ordered items of the training period.

  Args:
    config: `examples` as `ExamplesConfig`, and `seed`.
    data: requests.
    semantic_ids: of the catalogue.
    writer: of prompts.
    vocabulary: not read.
  """
  del vocabulary
  examples = ExamplesConfig(**config.examples, seed=config.seed)
  batches = training_examples(
    data.requests,
    group_targets(data.requests, split=TRAIN),
    writer,
    semantic_ids.codes,
    config=examples,
  )
  return Lesson(
    batches,
    loss,
    prompts=examples.batch_size,
    targets=examples.batch_size * examples.targets,
    positions=examples.targets * len(semantic_ids.level_sizes),
  )
