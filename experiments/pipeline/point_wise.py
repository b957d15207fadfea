"""Next-token prediction of every clicked item by itself."""

import functools
from collections.abc import Callable

import jax
from flax import linen as nn

from experiments.pipeline.held_out import (
  fixed_batches,
  held_out_config,
  held_out_groups,
)
from experiments.pipeline.task import Task, dropout_keys, future_events
from experiments.pipeline.untrained import Untrained
from gr_jax.generators.pretrained.text_writer import TextPromptWriter
from gr_jax.generators.priors.left_out import without_future
from gr_jax.generators.training_examples.item_queries import ItemQueries
from gr_jax.generators.training_examples.single import (
  Examples,
  ExamplesConfig,
  TargetGroups,
  draw_examples,
  training_examples,
)
from gr_jax.generators.training_examples.text_queries import TextQueries
from gr_jax.objectives.next_token import code_losses, code_totals


def point_wise(parts: Untrained) -> Task:
  """The clicked and ordered items of the training period.

  The section has `examples` as `ExamplesConfig`, `seed`, and the keys that
  `transition_options` reads; it may have `held_out` as `HeldOutConfig`.
  """
  return point_wise_with(parts, lambda groups: groups)


def point_wise_with(
  parts: Untrained, described: Callable[[TargetGroups], TargetGroups]
) -> Task:
  """`point_wise` of groups that `described` may say more of."""
  section, requests = parts.section, parts.data.requests
  examples = ExamplesConfig(**section.examples, seed=section.seed)
  codes, future = parts.semantic_ids.codes, future_events(parts)
  config = held_out_config(section)
  groups = held_out_groups(
    requests, config=config, seed=section.seed, learned=parts.learned
  )
  batches = training_examples(
    requests,
    described(groups.learned),
    parts.training_writer,
    codes,
    config=examples,
    future=future,
    text_queries=text_queries(parts, examples.text_share),
  )
  held_out = []
  if groups.held_out is not None:
    draw = functools.partial(
      draw_examples,
      described(groups.held_out),
      parts.training_writer if groups.counted else parts.writer,
      codes,
      requests.query,
      config=examples,
      future=future if groups.counted else None,
    )
    held_out = fixed_batches(
      draw,
      len(groups.held_out),
      rows=-(-config.targets // examples.targets),
      batch_size=examples.batch_size,
      weights=lambda batch: batch.mask,
      seed=section.seed,
    )
  return Task(
    batches,
    point_wise_loss,
    prompts=examples.batch_size,
    targets=examples.batch_size * examples.targets,
    positions=examples.targets * _branch_length(parts),
    totals=lambda batch: code_totals(batch.codes, where=batch.mask),
    held_out=held_out,
  )


def text_queries(
  parts: Untrained, share: float
) -> TextQueries | ItemQueries | None:
  """Items' texts as queries, whole or in part; None where the share is 0."""
  if not share:
    return None
  texts = parts.data.catalogue.texts.tolist()
  if isinstance(parts.writer, TextPromptWriter):
    return ItemQueries(parts.writer.items(texts), share=share)
  return TextQueries(texts, parts.vocabulary, share=share)


def _branch_length(parts: Untrained) -> int:
  """The positions of one target: what asks for it, and its codes but one."""
  levels = len(parts.semantic_ids.level_sizes)
  if isinstance(parts.writer, TextPromptWriter):
    return parts.writer.config.query_tokens + levels - 1
  return levels


def point_wise_loss(
  model: nn.Module,
  params,
  batch: Examples,
  counts,
  *,
  key=None,
  totals: jax.Array | None = None,
):
  """Sum over levels of the next-token loss, and its parts."""
  variables = params | without_future(counts, batch.left_out)
  logits = model.apply(
    variables,
    batch.prompt,
    batch.queries,
    batch.codes,
    rngs=dropout_keys(model, key),
  )
  losses = code_losses(logits, batch.codes, where=batch.mask, totals=totals)
  metrics = {"train/loss": losses.sum()}
  metrics |= {f"train/loss_{l + 1}": losses[l] for l in range(len(losses))}
  return losses.sum(), metrics
