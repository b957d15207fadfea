"""Point-wise next-token prediction: every clicked item by itself."""

from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.task import Task
from experiments.pipeline.transition_options import transitions_of
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TRAIN, Requests
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.priors.future_items import FutureItems
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.generators.prompts.writer import PromptWriter
from gr_jax.generators.training_examples.single import (
  Examples,
  ExamplesConfig,
  group_targets,
  training_examples,
)
from gr_jax.objectives.next_token import code_losses
from gr_jax.tokenizers.semantic_ids import SemanticIds


def loss(model: DecoderOnly, params, batch: Examples, counts):
  """Sum over levels of the next-token loss, and its parts."""
  variables = params | _without(counts, batch)
  logits = model.apply(variables, batch.prompt, batch.queries, batch.codes)
  losses = code_losses(logits, batch.codes, where=batch.mask)
  metrics = {"train/loss": losses.sum()}
  metrics |= {f"train/loss_{l + 1}": losses[l] for l in range(len(losses))}
  return losses.sum(), metrics


def _without(counts, batch: Examples):
  """The counts as they would be had the rows' own future not been counted."""
  if batch.future_items is None:
    return counts
  told = counts["counts"]
  excluded_pairs = told["transitions"].without(batch.future_items)
  return {"counts": told | {"transitions": excluded_pairs}}


def task(
  config: ConfigDict,
  data: Data,
  semantic_ids: SemanticIds,
  writer: PromptWriter,
  vocabulary: Vocabulary,
) -> Task:
  """The clicked and ordered items of the training period.

  Args:
    config: `examples` as `ExamplesConfig`, `seed`, and what
      `transitions_of` reads.
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
    future_items=_upcoming(config, data.requests, semantic_ids),
  )
  return Task(
    batches,
    loss,
    prompts=examples.batch_size,
    targets=examples.batch_size * examples.targets,
    positions=examples.targets * len(semantic_ids.level_sizes),
  )


def _upcoming(
  config: ConfigDict, requests: Requests, semantic_ids: SemanticIds
) -> FutureItems | None:
  """What transitions counted of a request's own user; None without them."""
  told = transitions_of(config)
  if not told:
    return None
  ends = requests.user_offsets[:-1] + training_sequences(requests).sizes
  return FutureItems(requests, semantic_ids.codes, ends, window=told["window"])
