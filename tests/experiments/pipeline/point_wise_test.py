import functools

import jax
import numpy as np

from experiments.pipeline import point_wise
from experiments.pipeline.train import count_variables
from tests.reference.small_world import semantic_ids, writer
from tests.reference.tasks import EXAMPLES, data, section, started

SIZES = EXAMPLES["point_wise"]


def test_a_few_steps_lower_the_loss_of_a_batch(tmp_path):
  task, model, params, batch = started("point_wise", tmp_path)
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


def test_a_lesson_says_how_large_its_batches_are(tmp_path):
  task, _, _, batch = started("point_wise", tmp_path)
  levels = len(semantic_ids().level_sizes)
  assert task.prompts == len(batch.codes) == SIZES["batch_size"]
  assert task.targets == batch.codes[..., 0].size
  assert task.positions == levels * SIZES["targets"]


def test_what_follows_a_row_is_left_out_of_its_transitions(tmp_path):
  config = section("point_wise")
  config.count_alpha = 1.0
  config.transitions = {"window": 2, "neighbours": 4, "last": 2}
  world, ids = data(tmp_path), semantic_ids()
  counts = count_variables(world, ids, config)
  task = point_wise.task(config, world, ids, writer(), None)
  batch = next(iter(task.batches))
  seen = []

  class Model:
    def apply(self, variables, prompt, queries, codes):
      seen.append(variables["counts"]["transitions"].excluded_pairs)
      sizes = ids.level_sizes
      return [np.zeros((*codes.shape[:2], size)) for size in sizes]

  task.loss(Model(), {"params": {}}, batch, counts)
  np.testing.assert_array_equal(seen[0], batch.future_items)
  assert batch.future_items.shape == (
    SIZES["batch_size"],
    2,
    len(ids.level_sizes),
  )
  # The row's targets are among what it was counted to buy next.
  same = (batch.codes[:, :, None] == batch.future_items[:, None]).all(-1)
  assert same.any()
