"""Page-wise next-token prediction (GenRec): a page is one sequence."""

import functools

from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.task import Task
from gr_jax.data.requests import TRAIN
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.page_scores import page_scores
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.generators.prompts.writer import PromptWriter
from gr_jax.generators.training_examples.page_examples import (
  PageExamples,
  PageExamplesConfig,
  training_pages,
)
from gr_jax.generators.training_examples.pages import build_pages
from gr_jax.objectives.page_next_token import page_losses
from gr_jax.tokenizers.semantic_ids import SemanticIds


def loss(
  model: DecoderOnly, params, batch: PageExamples, counts, *, end_token: int
):
  """Sum over levels and ends of the next-token loss, and its parts."""
  scores = model.apply(
    params | counts,
    batch.prompt,
    batch.queries,
    batch.codes,
    batch.page,
    end_token=end_token,
    method=page_scores,
  )
  losses = page_losses(
    scores.codes,
    scores.ends,
    batch.codes,
    weights=batch.weights,
    ended=batch.ends,
  )
  levels = len(scores.codes)
  metrics = {"train/loss": losses.sum(), "train/loss_end": losses[-1]}
  metrics |= {f"train/loss_{l + 1}": losses[l] for l in range(levels)}
  return losses.sum(), metrics


def task(
  config: ConfigDict,
  data: Data,
  semantic_ids: SemanticIds,
  writer: PromptWriter,
  vocabulary: Vocabulary,
) -> Task:
  """The pages of the training period.

  Args:
    config: `examples` as `PageExamplesConfig`, and `seed`.
    data: requests.
    semantic_ids: of the catalogue.
    writer: of prompts.
    vocabulary: has the token of a page's end.
  """
  examples = PageExamplesConfig(**config.examples, seed=config.seed)
  pages = build_pages(
    data.requests,
    semantic_ids.id_of_item,
    split=TRAIN,
    max_exposures=examples.max_exposures,
  )
  batches = training_pages(
    pages, writer, semantic_ids.ids, data.requests.query, config=examples
  )
  levels = len(semantic_ids.level_sizes)
  return Task(
    batches,
    functools.partial(loss, end_token=vocabulary.offsets["page_end"]),
    prompts=examples.batch_size,
    targets=examples.batch_size * examples.places,
    positions=examples.places * levels + examples.pages,
  )
