"""Next-token prediction of whole pages (GenRec, arXiv 2604.14878)."""

import functools
from collections.abc import Callable

import jax
from flax import linen as nn

from experiments.pipeline.held_out import (
  fixed_batches,
  has_split,
  held_out_config,
)
from experiments.pipeline.task import Task, dropout_keys, future_events
from experiments.pipeline.untrained import Untrained
from gr_jax.data.requests import TRAIN, VALID
from gr_jax.generators.page_scores import PageScores, page_scores
from gr_jax.generators.pretrained.text_pages import text_page_scores
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.pretrained.text_writer import TextPromptWriter
from gr_jax.generators.priors.left_out import without_future
from gr_jax.generators.training_examples.page_examples import (
  PageExamples,
  PageExamplesConfig,
  draw_page_examples,
  training_pages,
)
from gr_jax.generators.training_examples.pages import Pages, build_pages
from gr_jax.objectives.next_token import page_losses


def page_wise(parts: Untrained) -> Task:
  """The pages of the training period, each as one sequence.

  The section has `examples` as `PageExamplesConfig`, and `seed`; it may have
  `held_out` as `HeldOutConfig`. Only pages of validation are held out.
  """
  section, requests, ids = (
    parts.section,
    parts.data.requests,
    parts.semantic_ids,
  )
  examples = PageExamplesConfig(**section.examples, seed=section.seed)

  def pages_of(split: int) -> Pages:
    return build_pages(
      requests,
      ids.id_of_item,
      split=split,
      max_exposures=examples.max_exposures,
    )

  config, held_out = held_out_config(section), []
  if config.targets and has_split(requests, VALID):
    valid = pages_of(VALID)
    draw = functools.partial(
      draw_page_examples,
      valid,
      parts.writer,
      ids.ids,
      requests.query,
      config=examples,
    )
    held_out = fixed_batches(
      draw,
      len(valid.group_offsets) - 1,
      rows=-(-config.targets // examples.places),
      batch_size=examples.batch_size,
      weights=lambda batch: batch.weights,
      seed=section.seed,
    )
  batches = training_pages(
    pages_of(TRAIN),
    parts.writer,
    ids.ids,
    requests.query,
    config=examples,
    future=future_events(parts),
  )
  end_token = parts.vocabulary.offsets["page_end"]
  text = isinstance(parts.model, TextToCodes)
  return Task(
    batches,
    functools.partial(
      page_wise_loss,
      end_token=end_token,
      scores=text_page_scores if text else page_scores,
    ),
    prompts=examples.batch_size,
    targets=examples.batch_size * examples.places,
    positions=_page_positions(parts, examples),
    totals=lambda batch: batch.weights.sum(),
    held_out=held_out,
  )


def _page_positions(parts: Untrained, examples: PageExamplesConfig) -> int:
  """The positions of the pages of a prompt."""
  codes = examples.places * len(parts.semantic_ids.level_sizes)
  if isinstance(parts.writer, TextPromptWriter):
    return codes + examples.pages * parts.writer.config.query_tokens
  return codes + examples.pages


def page_wise_loss(
  model: nn.Module,
  params,
  batch: PageExamples,
  counts,
  *,
  end_token: int,
  scores: Callable[..., PageScores] = page_scores,
  key=None,
  totals: jax.Array | None = None,
):
  """Sum over levels and ends of the next-token loss, and its parts."""
  found = model.apply(
    params | without_future(counts, batch.left_out),
    batch.prompt,
    batch.queries,
    batch.codes,
    batch.page,
    end_token=end_token,
    method=scores,
    rngs=dropout_keys(model, key),
  )
  losses = page_losses(
    found.codes,
    found.ends,
    batch.codes,
    weights=batch.weights,
    ended=batch.ends,
    total=totals,
  )
  levels = len(found.codes)
  metrics = {"train/loss": losses.sum(), "train/loss_end": losses[-1]}
  metrics |= {f"train/loss_{l + 1}": losses[l] for l in range(levels)}
  return losses.sum(), metrics
