import functools

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import amazon_beauty, cq_sid
from experiments.pipeline.tasks import (
  page_wise,
  point_wise,
  task_of,
)
from experiments.pipeline.untrained import count_variables, transition_options
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


def test_what_follows_a_row_is_left_out_of_its_transitions(tmp_path):
  config = section("point_wise")
  config.count_alpha = 1.0
  config.transitions = {"window": 2, "neighbours": 4, "last": 2}
  parts, ids = untrained(config, tmp_path), semantic_ids()
  counts = count_variables(parts.data, ids, config)
  task = point_wise(parts)
  batch = next(iter(task.batches))
  seen = []

  class Model:
    def apply(self, variables, prompt, queries, codes):
      seen.append(variables["counts"]["transitions"].excluded_pairs)
      sizes = ids.level_sizes
      return [np.zeros((*codes.shape[:2], size)) for size in sizes]

  task.loss(Model(), {"params": {}}, batch, counts)
  np.testing.assert_array_equal(seen[0], batch.future_items)
  assert batch.future_items.shape == (POINT["batch_size"], 2, LEVELS)
  # The row's targets are among the items that it was counted to buy next.
  same = (batch.codes[:, :, None] == batch.future_items[:, None]).all(-1)
  assert same.any()


def test_transitions_need_neighbours():
  config = amazon_beauty.get_config().generator
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
