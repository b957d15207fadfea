import functools

import jax
import numpy as np

from experiments.pipeline import point_wise
from experiments.pipeline.train import count_variables
from tests.reference.lessons import EXAMPLES, data, section, started
from tests.reference.small_world import semantic_ids, writer

SIZES = EXAMPLES["point_wise"]


def test_a_few_steps_lower_the_loss_of_a_batch(tmp_path):
  lesson, model, params, batch = started("point_wise", tmp_path)
  loss = jax.jit(
    jax.value_and_grad(functools.partial(lesson.loss, model), has_aux=True)
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
  lesson, _, _, batch = started("point_wise", tmp_path)
  levels = len(semantic_ids().level_sizes)
  assert lesson.prompts == len(batch.codes) == SIZES["batch_size"]
  assert lesson.targets == batch.codes[..., 0].size
  assert lesson.positions == levels * SIZES["targets"]


def test_what_follows_a_row_is_left_out_of_its_transitions(tmp_path):
  config = section("point_wise")
  config.count_alpha = 1.0
  config.transitions = {"window": 2, "neighbours": 4, "last": 2}
  world, ids = data(tmp_path), semantic_ids()
  counts = count_variables(world, ids, config)
  lesson = point_wise.lesson(config, world, ids, writer(), None)
  batch = next(iter(lesson.batches))
  seen = []

  class Model:
    def apply(self, variables, prompt, queries, codes):
      seen.append(variables["counts"]["transitions"].omitted)
      sizes = ids.level_sizes
      return [np.zeros((*codes.shape[:2], size)) for size in sizes]

  lesson.loss(Model(), {"params": {}}, batch, counts)
  np.testing.assert_array_equal(seen[0], batch.upcoming)
  assert batch.upcoming.shape == (SIZES["batch_size"], 2, len(ids.level_sizes))
  # The row's targets are among what it was counted to buy next.
  same = (batch.codes[:, :, None] == batch.upcoming[:, None]).all(-1)
  assert same.any()
