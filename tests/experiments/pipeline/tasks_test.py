import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from ml_collections import ConfigDict

from configs import cq_sid
from experiments.pipeline.page_wise import page_wise
from experiments.pipeline.point_wise import point_wise
from experiments.pipeline.task import future_events
from experiments.pipeline.tasks import task_of
from experiments.pipeline.untrained import count_variables, transition_options
from gr_jax.data.requests import TRAIN
from gr_jax.generators.page_scores import page_scores
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.left_out import FutureEvents, without_future
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.training_examples.page_examples import (
  PageExamplesConfig,
  draw_page_examples,
)
from gr_jax.generators.training_examples.pages import build_pages
from gr_jax.generators.training_examples.single import (
  ExamplesConfig,
  draw_examples,
  group_targets,
)
from tests.reference.cut_log import cut
from tests.reference.small_world import semantic_ids
from tests.reference.tasks import EXAMPLES, section, started, untrained

POINT, PAGE = EXAMPLES["point_wise"], EXAMPLES["page_wise"]
LEVELS = len(semantic_ids().level_sizes)


@pytest.mark.parametrize("name", ["point_wise", "page_wise"])
def test_a_few_steps_lower_the_loss_of_a_batch(tmp_path, name):
  task, model, params, batch = started(name, tmp_path)
  loss = jax.jit(
    jax.value_and_grad(functools.partial(task.loss, model), has_aux=True)
  )
  values = []
  for _ in range(4):
    (value, metrics), grads = loss(params, batch, {})
    params = jax.tree.map(lambda p, g: p - 0.05 * g, params, grads)
    values.append(float(value))
    assert metrics["train/loss"] == value
    assert all(np.isfinite(x) for x in metrics.values())
  assert values[-1] < values[0]


@pytest.mark.parametrize(
  ("name", "positions"),
  [
    ("point_wise", LEVELS * POINT["targets"]),
    # And one position for the end of each page.
    ("page_wise", LEVELS * PAGE["places"] + PAGE["pages"]),
  ],
)
def test_a_task_says_how_large_its_batches_are(tmp_path, name, positions):
  task, _, _, batch = started(name, tmp_path)
  assert task.prompts == len(batch.codes) == EXAMPLES[name]["batch_size"]
  assert task.targets == batch.codes[..., 0].size
  assert task.positions == positions


def cut_counts(parts, request):
  """The counts of a log that ends, for one user, where its history does."""
  items, owners = cut(parts.data.requests, request)
  section, ids = parts.section, parts.semantic_ids
  catalogue = count_catalogue(
    ids, np.bincount(items, minlength=len(ids)), alpha=section.count_alpha
  )
  options = transition_options(section)
  if not options:
    return {"counts": {"catalogue": catalogue}}
  transitions = count_transitions(ids, items, owners, **options)
  return {"counts": {"catalogue": catalogue, "transitions": transitions}}


@pytest.mark.parametrize("name", ["point_wise", "page_wise"])
def test_a_row_reads_the_counts_of_a_log_that_ends_with_its_history(
  tmp_path, name
):
  """The logits of a batch are those with counts made anew for each row."""
  config = section(name)
  config.count_alpha = 0.5
  config.examples.hidden_share = 0.5
  if name == "point_wise":
    config.transitions = {"window": 2, "neighbours": 60, "last": 2}
  parts = untrained(config, tmp_path)
  requests = parts.data.requests
  counts = count_variables(parts.data, parts.semantic_ids, config)
  params = nn.unbox(jax.jit(parts.initializer(counts))(jax.random.key(0)))
  rows = []

  class Seen(FutureEvents):
    def __call__(self, requests):
      rows.extend(requests.tolist())
      return super().__call__(requests)

  future = future_events(parts)
  future.__class__ = Seen
  batch = BATCHES[name](parts, future)
  logits = jax.jit(functools.partial(LOGITS[name], parts))
  found = logits(params | without_future(counts, batch.left_out), batch)
  told = logits(params | counts, batch)
  for b, row in enumerate(rows):
    assert requests.split[row] == TRAIN
    anew = cut_counts(parts, row)
    expected = logits(params | anew, batch)
    for one, other in zip(found, expected):
      np.testing.assert_allclose(one[b], other[b], atol=1e-5)
  assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(told, found))


def point_batch(parts, future):
  groups = group_targets(parts.data.requests, split=TRAIN)
  return draw_examples(
    groups,
    parts.writer,
    parts.semantic_ids.codes,
    parts.data.requests.query,
    np.arange(0, len(groups), len(groups) // 8),
    np.random.default_rng(0),
    config=ExamplesConfig(targets=3, hidden_share=0.5),
    future=future,
  )


def page_batch(parts, future):
  ids, requests = parts.semantic_ids, parts.data.requests
  pages = build_pages(requests, ids.id_of_item, split=TRAIN, max_exposures=2)
  return draw_page_examples(
    pages,
    parts.writer,
    ids.ids,
    requests.query,
    np.arange(0, len(pages.group_offsets) - 1, len(pages.group_offsets) // 8),
    np.random.default_rng(0),
    config=PageExamplesConfig(places=6, pages=2, hidden_share=0.5),
    future=future,
  )


def point_logits(parts, variables, batch):
  return parts.model.apply(variables, batch.prompt, batch.queries, batch.codes)


def page_logits(parts, variables, batch):
  found = parts.model.apply(
    variables,
    batch.prompt,
    batch.queries,
    batch.codes,
    batch.page,
    end_token=parts.vocabulary.offsets["page_end"],
    method=page_scores,
  )
  return [jnp.nan_to_num(x, neginf=0) for x in found.codes]


BATCHES = {"point_wise": point_batch, "page_wise": page_batch}
LOGITS = {"point_wise": point_logits, "page_wise": page_logits}


@pytest.mark.parametrize("name", ["point_wise", "page_wise"])
def test_the_loss_reads_counts_without_the_future(tmp_path, name):
  config = section(name)
  config.count_alpha = 0.5
  parts = untrained(config, tmp_path)
  counts = count_variables(parts.data, parts.semantic_ids, config)
  params = nn.unbox(jax.jit(parts.initializer(counts))(jax.random.key(0)))
  task = task_of(config)(parts)
  batch = next(iter(task.batches))
  loss = jax.jit(functools.partial(task.loss, parts.model))
  fair, _ = loss(params, batch, counts)
  told, _ = loss(params, dataclasses.replace(batch, left_out=None), counts)
  by_hand, _ = loss(
    params,
    dataclasses.replace(batch, left_out=None),
    without_future(counts, batch.left_out),
  )
  assert fair == pytest.approx(float(by_hand), rel=1e-6)
  assert fair > told  # The counts know the targets.


def test_transitions_need_neighbours():
  config = cq_sid.get_config().generator
  config.transitions = {"window": 3, "neighbours": 48, "last": 10}
  assert transition_options(config) == config.transitions.to_dict()
  config.transitions.neighbours = 0
  assert transition_options(config) == {}
  assert transition_options(ConfigDict()) == {}
  assert transition_options(cq_sid.get_config().generator) == {}


def test_a_section_names_its_task():
  assert task_of(ConfigDict()) is point_wise
  assert task_of(ConfigDict({"task": "page_wise"})) is page_wise


def test_pages_are_for_networks_that_know_their_end():
  section = {"task": "page_wise", "network": "encoder_decoder"}
  with pytest.raises(ValueError, match="only decoder_only") as caught:
    task_of(ConfigDict(section))
  assert "\n" not in str(caught.value)
