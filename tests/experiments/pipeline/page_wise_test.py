import functools

import jax
import numpy as np

from tests.reference.small_world import semantic_ids
from tests.reference.tasks import EXAMPLES, started

SIZES = EXAMPLES["page_wise"]


def test_a_few_steps_lower_the_loss_of_a_batch(tmp_path):
  task, model, params, batch = started("page_wise", tmp_path)
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
  task, _, _, batch = started("page_wise", tmp_path)
  levels = len(semantic_ids().level_sizes)
  assert task.prompts == len(batch.codes) == SIZES["batch_size"]
  assert task.targets == batch.codes[..., 0].size
  # And one position for the end of each page.
  assert task.positions == levels * SIZES["places"] + SIZES["pages"]
