"""The tasks that a generator learns: their batches and losses.

point_wise  next-token prediction of every clicked item by itself
page_wise   next-token prediction of whole pages (GenRec, arXiv 2604.14878)
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grain
import jax
from flax import linen as nn
from ml_collections import ConfigDict

from experiments.pipeline.base_model import check_base
from experiments.pipeline.held_out import (
  HeldOutBatch,
  fixed_batches,
  has_split,
  held_out_config,
  held_out_groups,
)
from experiments.pipeline.untrained import Untrained, transition_options
from gr_jax.choices import choose
from gr_jax.data.requests import TRAIN, VALID
from gr_jax.generators import build
from gr_jax.generators.page_scores import PageScores, page_scores
from gr_jax.generators.pretrained.text_pages import text_page_scores
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.pretrained.text_writer import TextPromptWriter
from gr_jax.generators.priors.left_out import FutureEvents, without_future
from gr_jax.generators.reading import reads_text
from gr_jax.generators.training_examples.item_queries import ItemQueries
from gr_jax.generators.training_examples.page_examples import (
  PageExamples,
  PageExamplesConfig,
  draw_page_examples,
  training_pages,
)
from gr_jax.generators.training_examples.pages import Pages, build_pages
from gr_jax.generators.training_examples.single import (
  Examples,
  ExamplesConfig,
  draw_examples,
  training_examples,
)
from gr_jax.generators.training_examples.text_queries import TextQueries
from gr_jax.objectives.next_token import code_losses, code_totals, page_losses


class Task(NamedTuple):
  """Batches and the loss on them.

  Attributes:
    batches: endless.
    loss: `(model, params, batch, counts, key=, totals=) -> (loss, metrics)`,
      where `counts` are the variables that are not trained; without a key
      nothing is dropped out. Of a part of a batch `totals` are those of the
      whole, and the losses of all parts add up to that of the whole.
    totals: `(batch) -> totals`, what the means of the loss are over.
    prompts: the number of prompts per batch.
    targets: the number of IDs that a batch has room for.
    positions: the number of positions that follow each prompt.
    held_out: fixed batches that are not learned, if there are any.
  """

  batches: grain.IterDataset
  loss: Callable[..., tuple[jax.Array, dict[str, Any]]]
  prompts: int
  targets: int
  positions: int
  totals: Callable[[Any], jax.Array]
  held_out: Sequence[HeldOutBatch] = ()


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


def point_wise(parts: Untrained) -> Task:
  """The clicked and ordered items of the training period.

  The section has `examples` as `ExamplesConfig`, `seed`, and the keys that
  `transition_options` reads; it may have `held_out` as `HeldOutConfig`.
  """
  section, requests = parts.section, parts.data.requests
  examples = ExamplesConfig(**section.examples, seed=section.seed)
  codes, future = parts.semantic_ids.codes, future_events(parts)
  config = held_out_config(section)
  groups = held_out_groups(
    requests, config=config, seed=section.seed, learned=parts.learned
  )
  batches = training_examples(
    requests,
    groups.learned,
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
      groups.held_out,
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


def _branch_length(parts: Untrained) -> int:
  """The positions of one target: what asks for it, and its codes but one."""
  levels = len(parts.semantic_ids.level_sizes)
  if isinstance(parts.writer, TextPromptWriter):
    return parts.writer.config.query_tokens + levels - 1
  return levels


def _page_positions(parts: Untrained, examples: PageExamplesConfig) -> int:
  """The positions of the pages of a prompt."""
  codes = examples.places * len(parts.semantic_ids.level_sizes)
  if isinstance(parts.writer, TextPromptWriter):
    return codes + examples.pages * parts.writer.config.query_tokens
  return codes + examples.pages


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
    rngs=_dropout(model, key),
  )
  losses = code_losses(logits, batch.codes, where=batch.mask, totals=totals)
  metrics = {"train/loss": losses.sum()}
  metrics |= {f"train/loss_{l + 1}": losses[l] for l in range(len(losses))}
  return losses.sum(), metrics


def _dropout(model: nn.Module, key: jax.Array | None) -> dict[str, jax.Array]:
  """The keys of `apply`: none where nothing is dropped out."""
  drops = key is not None and model.config.dropout
  return {"dropout": key} if drops else {}


def future_events(parts: Untrained) -> FutureEvents | None:
  """What training rows leave out of the counts; None where there are none."""
  if not parts.section.get("count_alpha"):
    return None
  return FutureEvents.of_training(
    parts.data.requests,
    parts.semantic_ids.id_of_item,
    window=transition_options(parts.section).get("window", 0),
  )


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
    rngs=_dropout(model, key),
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


TASKS = {"point_wise": point_wise, "page_wise": page_wise}


def task_of(config: ConfigDict) -> Callable[[Untrained], Task]:
  """The entry of `TASKS` that `generator.task` names, else `point_wise`.

  Raises:
    ValueError: there is no such task, or the network cannot learn it.
  """
  name = config.get("task", "point_wise")
  task = choose("generator.task", name, TASKS)
  network = config.get("network", "decoder_only")
  if task is page_wise and network not in ("decoder_only", "pretrained"):
    raise ValueError(
      f"generator.task is {name!r}, which generator.network={network} cannot: "
      "only decoder_only and pretrained read pages."
    )
  return task


def check_generator(section: ConfigDict) -> None:
  """Finds names that no part of a generator knows, and what excludes another.

  Raises:
    ValueError: names the key and its possible values.
  """
  if section.get("candidates", {}).get("size", 0):
    if not section.get("count_alpha"):
      raise ValueError(
        "generator.candidates are a prior beside popularity: set "
        "generator.count_alpha above 0."
      )
    if section.get("task", "point_wise") != "point_wise":
      raise ValueError(
        "generator.candidates are learned point_wise; generator.task is "
        f"{section.task!r}."
      )
    if section.get("transitions", {}).get("neighbours", 0) > 0:
      raise ValueError(
        "generator.candidates know what follows what: set "
        "generator.transitions.neighbours to 0."
      )
  if reads_text(section) and (
    section.get("count_alpha") or section.get("candidates", {}).get("size", 0)
  ):
    raise ValueError(
      "generator.network=pretrained reads neither counts nor candidates: set "
      "generator.count_alpha and generator.candidates.size to 0."
    )
  task_of(section)
  build.network_of(section)
  build.prompt_encoder_of(section)
  check_base(section)
